//! What chaperone holds: idle, with many idle connections, and at most with many large results at once.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::bench::Bench;
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::payload::Payload;
use crate::process::Server;
use crate::results::{Case, FLOOR, Figure, TRACED};
use crate::role::Role;
use crate::setup::{SERVER, Setup};
use crate::stage::Stage;
use crate::{Error, machine};

/// Connections that wait.
const IDLE_CONNECTIONS: usize = 1_000;
/// Results in flight.
const AT_ONCE: usize = 64;
/// Long enough for every connection to get several of them.
const LARGE_FOR: Duration = Duration::from_secs(4);
/// What is still to be done after a start is done.
const SETTLED_AFTER: Duration = Duration::from_millis(500);

pub(crate) const IDLE: &str = "memory, idle";
pub(crate) const CONNECTED: &str = "memory, 1,000 idle connections";
pub(crate) const PEAK: &str = "most memory, 64 results of 5 MB at once";
pub(crate) const SHARE: &str = "the same, over the bytes in flight";

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let programs = &bench.programs;
    let stage = Stage::start(programs, &[Payload::People, Payload::Megabytes5])?;
    let [few, many] = stage.upstreams[..] else { return Err("expected two upstreams".into()) };
    // Everything that the upstream gives at once is let through at once.
    let traced = |upstream: SocketAddr| Setup {
        collector: Some(stage.collector),
        max_concurrent: Some(AT_ONCE),
        ..Setup::new(upstream)
    };
    let call = |payload: Payload| Exchange::call(SERVER, payload.tool());

    let floor = Contender::floor(FLOOR, programs, few, Payload::People)?;
    let chaperone = Contender::chaperone(TRACED, programs, &traced(few), call(Payload::People))?;
    for (name, contender) in [(FLOOR, &floor), (TRACED, &chaperone)] {
        waiting(bench, name, contender)?;
    }
    let programs = &bench.programs;
    let floor = Contender::floor(FLOOR, programs, many, Payload::Megabytes5)?;
    let chaperone = Contender::chaperone(TRACED, programs, &traced(many), call(Payload::Megabytes5))?;
    for (name, contender) in [(FLOOR, &floor), (TRACED, &chaperone)] {
        bench.sample_of(LARGE_FOR, &Case::closed(AT_ONCE), contender, &stage)?;
        let (_, peak) = machine::resident_mib(contender.server.pid())?;
        let flight = f64::from(u32::try_from(AT_ONCE * Payload::Megabytes5.bytes())?) / 1024.0 / 1024.0;
        let mut add = |figure, value, unit| {
            bench.results.figures.push(Figure { name: figure, contender: name, value, unit });
        };
        add(PEAK, peak, "MiB");
        add(SHARE, peak / flight, "×");
    }
    Ok(())
}

/// What it holds before the first call, and with connections of which each has made one.
fn waiting(bench: &mut Bench<'_>, name: &'static str, contender: &Contender) -> Result<(), Error> {
    thread::sleep(SETTLED_AFTER);
    let (idle, _) = machine::resident_mib(contender.server.pid())?;
    let hold = Role::Hold {
        target: contender.server.address,
        exchange: contender.exchange.clone(),
        connections: IDLE_CONNECTIONS,
    };
    let holder = Server::start(&mut hold.command(&bench.programs.bench)?)?;
    thread::sleep(SETTLED_AFTER);
    let (connected, _) = machine::resident_mib(contender.server.pid())?;
    drop(holder);
    for (figure, value) in [(IDLE, idle), (CONNECTED, connected)] {
        bench.results.figures.push(Figure { name: figure, contender: name, value, unit: "MiB" });
    }
    Ok(())
}
