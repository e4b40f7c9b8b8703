//! The small call: 547 bytes of the upstream's. Over 64 connections, over fewer and more, and at fixed rates.

use crate::Error;
use crate::bench::Bench;
use crate::cli::Suite;
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::payload::Payload;
use crate::results::{Case, FLOOR, LIMITED, LOGGING, PLAIN, SHARED, TRACED};
use crate::setup::{SERVER, Setup};
use crate::stage::{Stage, Store};

/// Connections of the cases that most is said about.
const CROWD: usize = 64;
/// Spans of a call: the request, and the call of the upstream.
const SPANS_PER_CALL: u64 = 2;
/// Below this share of the spans that calls make, tracing was not at 100 %.
const EXPORTED: f64 = 0.97;

/// Measures what the plan wants of it.
pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let programs = &bench.programs;
    let mut stage = Stage::start(programs, &[Payload::People])?;
    if !bench.plan.plain {
        stage.store = Store::start()?;
    }
    let own = own_contenders(bench, &stage)?;
    for contender in &own {
        bench.sample(&Case::closed(CROWD), contender, &stage)?;
    }
    if bench.plan.wants(Suite::Latency) {
        let cases = paced(bench, &own, &stage)?;
        bench.rounds("latency", &own, &stage, cases)?;
    }
    let mut contenders = own;
    for (name, command) in &bench.plan.against {
        contenders.push(Contender::rival(name, command, stage.upstreams[0])?);
    }
    if bench.plan.wants(Suite::Small) {
        bench.rounds("small", &contenders, &stage, vec![Case::closed(CROWD)])?;
    }
    if bench.plan.wants(Suite::Connections) {
        let cases = [1, 16, 256].map(Case::closed).into();
        bench.rounds("connections", &contenders, &stage, cases)?;
    }
    note_lost_spans(bench, &contenders, &stage)
}

/// Measures a floor against its twin.
pub(crate) fn check(bench: &mut Bench<'_>) -> Result<(), Error> {
    let stage = Stage::start(&bench.programs, &[Payload::People])?;
    let floor = |name| Contender::floor(name, &bench.programs, stage.upstreams[0], Payload::People);
    let twins = [FLOOR, "second floor"].map(floor);
    let twins = twins.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut cases = paced(bench, &twins, &stage)?;
    cases.extend([1, CROWD].map(Case::closed));
    bench.rounds("small", &twins, &stage, cases)
}

/// The floor, and chaperone in every way it may be set up.
fn own_contenders(bench: &mut Bench<'_>, stage: &Stage) -> Result<Vec<Contender>, Error> {
    let programs = &bench.programs;
    let plain = Setup::new(stage.upstreams[0]);
    let call = || Exchange::call(SERVER, Payload::People.tool());
    let mut contenders = vec![
        Contender::floor(FLOOR, programs, stage.upstreams[0], Payload::People)?,
        Contender::chaperone(PLAIN, programs, &plain, call())?,
    ];
    if bench.plan.plain {
        return Ok(contenders);
    }
    let traced = Setup { collector: Some(stage.collector), ..plain.clone() };
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
fn paced(bench: &mut Bench<'_>, contenders: &[Contender], stage: &Stage) -> Result<Vec<Case>, Error> {
    let mut carried = Vec::with_capacity(contenders.len());
    for contender in contenders {
        carried.push(bench.undisturbed_sample(&Case::closed(CROWD), contender, stage)?.throughput);
    }
    let half = |carried: f64, whose: &str| {
        let rate = (carried / 2.0 / 100.0).round().max(1.0) * 100.0;
        Case { name: format!("half of {whose}, {rate:.0} calls/s"), connections: CROWD, rate: Some(rate) }
    };
    let slowest = carried.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(vec![half(carried[0], "the floor's"), half(slowest, "the slowest's")])
}

/// Says so where not every call was traced: what is not exported costs less.
fn note_lost_spans(bench: &mut Bench<'_>, contenders: &[Contender], stage: &Stage) -> Result<(), Error> {
    let Some(traced) = contenders.iter().find(|contender| contender.name == TRACED) else { return Ok(()) };
    // What is on its way gets there.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let made = bench.results.calls.get(&traced.server.pid()).copied().unwrap_or_default() * SPANS_PER_CALL;
    let share = f64::from(u32::try_from(stage.spans()?)?) / f64::from(u32::try_from(made)?);
    let verdict = if share < EXPORTED { ": the cost of tracing is understated" } else { "" };
    bench.results.notes.push(format!("{:.1} % of the spans of the traced calls were exported{verdict}", share * 100.0));
    Ok(())
}
