//! `tools/list` of the built-in catalog, against a bare server that answers the same bytes.

use crate::Error;
use crate::bench::Bench;
use crate::contender::Contender;
use crate::exchange::{Exchange, FIRST_NUMBER, Request};
use crate::payload::Payload;
use crate::process::Server;
use crate::results::{Case, PLAIN, TRACED};
use crate::setup::{SERVER, Setup};
use crate::stage::{self, Stage};

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let programs = &bench.programs;
    let stage = Stage::start(programs, &[Payload::People])?;
    let plain = Setup::new(stage.upstreams[0]);
    let traced = Setup { collector: Some(stage.collector), ..plain.clone() };
    let plain = Contender::chaperone(PLAIN, programs, &plain, Exchange::list(SERVER))?;
    let bytes = answer(&plain.server)?;
    let name = format!("64 connections, {} bytes", bytes.len());
    let contenders = [
        Contender::bare(programs, Exchange::list(SERVER), &bytes)?,
        plain,
        Contender::chaperone(TRACED, programs, &traced, Exchange::list(SERVER))?,
    ];
    bench.rounds("list", &contenders, &stage, vec![Case { name, ..Case::closed(64) }])
}

/// What chaperone answers.
fn answer(server: &Server) -> Result<Vec<u8>, Error> {
    let mut exchange = Exchange::list(SERVER);
    exchange.headers.push(("connection".to_owned(), "close".to_owned()));
    stage::ask(server.address, Request::new(&exchange, server.address).numbered(FIRST_NUMBER))
}
