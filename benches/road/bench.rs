//! A run: every contender in every case in every round, in turns.

use std::io::Write as _;
use std::time::Duration;
use std::{fs, io};

use crate::Error;
use crate::cli::{Plan, Suite};
use crate::contender::Contender;
use crate::exchange::FIRST_NUMBER;
use crate::process::Ahead;
use crate::program::Programs;
use crate::results::{Case, Group, Results};
use crate::role::Load;
use crate::sample::Sample;
use crate::stage::Stage;
use crate::{report, suite};

/// Numbers set aside for a sample: more calls than any sample makes.
const NUMBERS_PER_SAMPLE: u64 = 100_000_000;

/// Above this share of its core taken by others a contender was not measured alone.
pub(crate) const TOLERATED_STARVATION: f64 = 0.02;

/// One sample of so many may be one that is taken again.
const REPEATED_OF_SAMPLES: u64 = 4;

/// Measures as `plan` says; the report.
///
/// # Errors
/// If anything did not start, a call was answered wrongly, or the self-check failed.
pub(crate) fn run(plan: &Plan) -> Result<String, Error> {
    let programs = Programs::build()?;
    let load_average = fs::read_to_string("/proc/loadavg")?;
    let mut bench = Bench { programs, plan, samples: 0, results: Results { load_average, ..Results::default() } };
    if plan.self_check {
        suite::calls::check(&mut bench)?;
        return report::self_check(plan, &bench.results);
    }
    if [Suite::Small, Suite::Connections, Suite::Latency].iter().any(|&suite| plan.wants(suite)) {
        suite::calls::measure(&mut bench)?;
    }
    if plan.wants(Suite::List) {
        suite::list::measure(&mut bench)?;
    }
    if plan.wants(Suite::Sizes) {
        suite::sizes::measure(&mut bench)?;
    }
    if plan.wants(Suite::Breadth) {
        suite::breadth::measure(&mut bench)?;
    }
    if plan.wants(Suite::Memory) {
        suite::memory::measure(&mut bench)?;
    }
    if plan.wants(Suite::Start) {
        suite::start::measure(&mut bench)?;
    }
    Ok(report::comparison(plan, &bench.results))
}

/// A run in progress.
pub(crate) struct Bench<'a> {
    pub(crate) programs: Programs,
    pub(crate) plan: &'a Plan,
    pub(crate) results: Results,
    samples: u64,
}

impl Bench<'_> {
    /// Measures every contender once in every case in every round; the floor is the first of them. `stage` is what they
    /// stand on.
    pub(crate) fn rounds(
        &mut self,
        name: &'static str,
        contenders: &[Contender],
        stage: &Stage,
        cases: Vec<Case>,
    ) -> Result<(), Error> {
        // A run takes minutes; where stderr is gone nobody waits.
        let _ = writeln!(io::stderr(), "road: measuring {name}");
        let mut samples: Vec<Vec<Vec<Sample>>> =
            cases.iter().map(|_| contenders.iter().map(|_| Vec::new()).collect()).collect();
        for round in 0..self.plan.rounds() {
            for (case, samples) in cases.iter().zip(&mut samples) {
                // Forth and back, so that nobody always has the first or the last turn.
                let mut order: Vec<usize> = (0..contenders.len()).collect();
                if round % 2 == 1 {
                    order.reverse();
                }
                for index in order {
                    samples[index].push(self.undisturbed_sample(case, &contenders[index], stage)?);
                }
            }
        }
        let contenders = contenders.iter().map(|contender| contender.name.clone()).collect();
        self.results.groups.push(Group { name, contenders, cases, samples });
        Ok(())
    }

    /// The first sample in which the contender had its core to itself, or of several the least disturbed.
    pub(crate) fn undisturbed_sample(
        &mut self,
        case: &Case,
        contender: &Contender,
        stage: &Stage,
    ) -> Result<Sample, Error> {
        let mut best = self.sample(case, contender, stage)?;
        for _ in 1..self.plan.attempts() {
            // Where others never leave the core, waiting for them does not help.
            let spent = u64::from(self.results.repeated) * REPEATED_OF_SAMPLES > self.samples;
            if best.starved <= TOLERATED_STARVATION || spent {
                break;
            }
            self.results.repeated += 1;
            let again = self.sample(case, contender, stage)?;
            if again.starved < best.starved {
                best = again;
            }
        }
        Ok(best)
    }

    /// One sample of the planned length.
    pub(crate) fn sample(&mut self, case: &Case, contender: &Contender, stage: &Stage) -> Result<Sample, Error> {
        self.sample_of(self.plan.measured(), case, contender, stage)
    }

    /// One sample that measures for so long.
    pub(crate) fn sample_of(
        &mut self,
        measured: Duration,
        case: &Case,
        contender: &Contender,
        stage: &Stage,
    ) -> Result<Sample, Error> {
        let first = FIRST_NUMBER + self.samples * NUMBERS_PER_SAMPLE;
        self.samples += 1;
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis());
        let load = Load {
            target: contender.server.address,
            exchange: contender.exchange.clone(),
            connections: case.connections,
            rate: case.rate,
            warm_up_ms: milliseconds(self.plan.warm_up())?,
            measured_ms: milliseconds(measured)?,
            first,
            pids: contender.pids.clone(),
            helpers: Vec::new(),
        };
        // Where only a part of the core is used, what else runs on it must not keep calls waiting, milliseconds at a time.
        let ahead = case.rate.is_some().then(|| Ahead::of_others(&contender.pids));
        let sample = stage.sample(load).map_err(|error| format!("the load on {} failed: {error}", contender.name))?;
        if let Some(ahead) = ahead {
            self.results.shared_core |= !ahead.is_granted;
        }
        *self.results.calls.entry(contender.server.pid()).or_default() += sample.made;
        Ok(sample)
    }
}
