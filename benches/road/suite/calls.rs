//! The small call: 547 bytes of the upstream's. Over 64 connections, over fewer and more, and at fixed rates.

use crate::Error;
use crate::bench::Bench;
use crate::cli::Suite;
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::payload::Payload;
use crate::process::Server;
use crate::results::{Case, FLOOR, LIMITED, LOGGING, PLAIN, SHARED, TRACED};
use crate::setup::{SERVER, Setup};
use crate::stage::{self, Store};

/// Connections of the cases that most is said about.
const CROWD: usize = 64;
/// Spans of a call: the request, and the call of the upstream.
const SPANS_PER_CALL: u64 = 2;
/// Below this share of the spans that calls make, tracing was not at 100 %.
const EXPORTED: f64 = 0.97;

/// What the contenders stand on.
struct Stage {
    upstream: Server,
    collector: Server,
    store: Option<Store>,
}

impl Stage {
    fn helpers(&self) -> Vec<u32> {
        let store = self.store.iter().map(Store::pid);
        [self.upstream.pid(), self.collector.pid()].into_iter().chain(store).collect()
    }
}

/// Measures what the plan wants of it.
pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let programs = &bench.programs;
    let store = if bench.plan.plain { None } else { Store::start()? };
    let stage =
        Stage { upstream: stage::upstream(programs, Payload::People)?, collector: stage::collector(programs)?, store };
    let own = own_contenders(bench, &stage)?;
    let helpers = stage.helpers();
    for contender in &own {
        bench.sample(&Case::closed(CROWD), contender, &helpers)?;
    }
    if bench.plan.wants(Suite::Latency) {
        let cases = paced(bench, &own, &helpers)?;
        bench.rounds("latency", &own, &helpers, cases)?;
    }
    let mut contenders = own;
    for (name, command) in &bench.plan.against {
        contenders.push(Contender::rival(name, command, &stage.upstream)?);
    }
    if bench.plan.wants(Suite::Small) {
        bench.rounds("small", &contenders, &helpers, vec![Case::closed(CROWD)])?;
    }
    if bench.plan.wants(Suite::Connections) {
        let cases = [1, 16, 256].map(Case::closed).into();
        bench.rounds("connections", &contenders, &helpers, cases)?;
    }
    note_lost_spans(bench, &contenders, &stage.collector)
}

/// Measures a floor against its twin.
pub(crate) fn check(bench: &mut Bench<'_>) -> Result<(), Error> {
    let upstream = stage::upstream(&bench.programs, Payload::People)?;
    let twins = [FLOOR, "second floor"].map(|name| Contender::floor(name, &bench.programs, &upstream, Payload::People));
    let twins = twins.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut cases = paced(bench, &twins, &[upstream.pid()])?;
    cases.extend([1, CROWD].map(Case::closed));
    bench.rounds("small", &twins, &[upstream.pid()], cases)
}

/// The floor, and chaperone in every way it may be set up.
fn own_contenders(bench: &mut Bench<'_>, stage: &Stage) -> Result<Vec<Contender>, Error> {
    let programs = &bench.programs;
    let plain = Setup::new(stage.upstream.address);
    let call = || Exchange::call(SERVER, Payload::People.tool());
    let mut contenders = vec![
        Contender::floor(FLOOR, programs, &stage.upstream, Payload::People)?,
        Contender::chaperone(PLAIN, programs, &plain, call())?,
    ];
    if bench.plan.plain {
        return Ok(contenders);
    }
    let traced = Setup { collector: Some(stage.collector.address), ..plain.clone() };
    contenders.push(Contender::chaperone(LOGGING, programs, &Setup { log: true, ..plain.clone() }, call())?);
    contenders.push(Contender::chaperone(TRACED, programs, &traced, call())?);
    contenders.push(Contender::limited(LIMITED, programs, &plain, call())?);
    if let Some(store) = &stage.store {
        let shared = Setup { store: Some(store.address), ..plain };
        contenders.push(Contender::limited(SHARED, programs, &shared, call())?);
    } else {
        bench.results.notes.push("shared limits were not measured: install redis-server or valkey-server".to_owned());
    }
    Ok(contenders)
}

/// The loads at half of what the floor can carry, and at half of what the slowest of all can.
fn paced(bench: &mut Bench<'_>, contenders: &[Contender], helpers: &[u32]) -> Result<Vec<Case>, Error> {
    let mut carried = Vec::with_capacity(contenders.len());
    for contender in contenders {
        carried.push(bench.undisturbed_sample(&Case::closed(CROWD), contender, helpers)?.throughput);
    }
    let half = |carried: f64, whose: &str| {
        let rate = (carried / 2.0 / 100.0).round().max(1.0) * 100.0;
        Case { name: format!("half of {whose}, {rate:.0} calls/s"), connections: CROWD, rate: Some(rate) }
    };
    let slowest = carried.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(vec![half(carried[0], "the floor's"), half(slowest, "the slowest's")])
}

/// Says so where not every call was traced: what is not exported costs less.
fn note_lost_spans(bench: &mut Bench<'_>, contenders: &[Contender], collector: &Server) -> Result<(), Error> {
    let Some(traced) = contenders.iter().find(|contender| contender.name == TRACED) else { return Ok(()) };
    // What is on its way gets there.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let made = bench.results.calls.get(&traced.server.pid()).copied().unwrap_or_default() * SPANS_PER_CALL;
    let share = f64::from(u32::try_from(stage::spans(collector)?)?) / f64::from(u32::try_from(made)?);
    let verdict = if share < EXPORTED { ": the cost of tracing is understated" } else { "" };
    bench.results.notes.push(format!("{:.1} % of the spans of the traced calls were exported{verdict}", share * 100.0));
    Ok(())
}
