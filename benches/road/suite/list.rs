//! `tools/list` of the built-in catalog, against a bare server that answers the same bytes.

use crate::Error;
use crate::bench::Bench;
use crate::contender::Contender;
use crate::exchange::{Exchange, FIRST_NUMBER, NUMBER_HOLE};
use crate::payload::Payload;
use crate::process::Server;
use crate::results::{Case, PLAIN, TRACED};
use crate::setup::{SERVER, Setup};
use crate::stage;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let programs = &bench.programs;
    let (upstream, collector) = (stage::upstream(programs, Payload::People)?, stage::collector(programs)?);
    let plain = Setup::new(upstream.address);
    let traced = Setup { collector: Some(collector.address), ..plain.clone() };
    let plain = Contender::chaperone(PLAIN, programs, &plain, Exchange::list(SERVER))?;
    let bytes = answer(&plain.server)?;
    let name = format!("64 connections, {} bytes", bytes.len());
    let contenders = [
        Contender::bare(programs, Exchange::list(SERVER), &bytes)?,
        plain,
        Contender::chaperone(TRACED, programs, &traced, Exchange::list(SERVER))?,
    ];
    bench.rounds("list", &contenders, &[upstream.pid(), collector.pid()], vec![Case { name, ..Case::closed(64) }])
}

/// What chaperone answers.
fn answer(server: &Server) -> Result<Vec<u8>, Error> {
    let exchange = Exchange::list(SERVER);
    let headers: String = exchange.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let body = exchange.body.replace(NUMBER_HOLE, &FIRST_NUMBER.to_string());
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}\
         content-length: {}\r\n\r\n{body}",
        exchange.path,
        server.address,
        body.len(),
    );
    stage::ask(server.address, &request)
}
