//! A run: every contender in every case in every round, in turns.

use std::path::PathBuf;
use std::{env, fs};

use crate::Error;
use crate::cli::Plan;
use crate::contender::{Contender, Log};
use crate::process::{Core, Server, on};
use crate::report;
use crate::request::{Dialect, FIRST_NUMBER};
use crate::sample::Sample;

/// Numbers set aside for a sample: more calls than any sample makes.
const NUMBERS_PER_SAMPLE: u64 = 100_000_000;

/// Above this share of its core taken by others a contender was not measured alone.
pub(crate) const TOLERATED_STARVATION: f64 = 0.02;

/// A kind of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) connections: usize,
    /// Calls a second; `None` is the closed loop.
    pub(crate) rate: Option<f64>,
}

/// One caller: what a call costs who waits for it.
const LONE: Case = Case { connections: 1, rate: None };
/// Many callers: what the contender carries.
const CROWD: Case = Case { connections: 64, rate: None };

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) cases: Vec<Case>,
    /// The floor first.
    pub(crate) contenders: Vec<Contender>,
    /// Per case, per contender, per round.
    pub(crate) samples: Vec<Vec<Vec<Sample>>>,
    /// Samples that were taken again because the contender did not have its core to itself.
    pub(crate) repeated: u32,
    /// The load average of the machine before the run.
    pub(crate) load_average: String,
}

/// Measures as `plan` says; the report.
///
/// # Errors
/// If anything did not start, a call was answered wrongly, or the self-check failed.
pub(crate) fn run(plan: &Plan) -> Result<String, Error> {
    let load_average = fs::read_to_string("/proc/loadavg")?;
    let program = env::current_exe()?;
    let upstream = Server::start(on(Core::Load, &program).args(["--bench", "upstream"]))?;
    let floor = Contender::floor("floor", &program, &upstream)?;
    let mut generator = Generator { program, plan, samples: 0, repeated: 0 };
    let contenders = if plan.self_check {
        let twin = Contender::floor("second floor", &generator.program, &upstream)?;
        vec![floor, twin]
    } else {
        expect_log_lines(&mut generator, &upstream)?;
        let quiet = Contender::chaperone("chaperone", &upstream, Log::Failures)?;
        vec![floor, quiet, Contender::chaperone("chaperone, a log line a call", &upstream, Log::Calls)?]
    };
    let cases = cases(&mut generator, &contenders)?;
    let samples = rounds(&mut generator, &cases, &contenders)?;
    let measured = Measured { cases, contenders, samples, repeated: generator.repeated, load_average };
    if plan.self_check { report::self_check(plan, &measured) } else { report::comparison(plan, &measured) }
}

/// Makes sure that the contender which is to write a line a call does so: its log is not looked at later.
fn expect_log_lines(generator: &mut Generator<'_>, upstream: &Server) -> Result<(), Error> {
    let contender = Contender::chaperone("chaperone whose log is kept", upstream, Log::CallsKept)?;
    generator.sample(LONE, &contender)?;
    if contender.has_logged_calls()? {
        Ok(())
    } else {
        Err("expected a line a call in chaperone's log at level info".into())
    }
}

/// The cases, after every contender has run warm. The paced ones run at half of what the slowest contender can carry,
/// and at half of what the floor can.
fn cases(generator: &mut Generator<'_>, contenders: &[Contender]) -> Result<Vec<Case>, Error> {
    let mut carried = Vec::with_capacity(contenders.len());
    for contender in contenders {
        generator.sample(CROWD, contender)?;
        carried.push(generator.undisturbed_sample(CROWD, contender)?.throughput);
    }
    let half = |carried: f64| Case { rate: Some((carried / 2.0 / 100.0).round().max(1.0) * 100.0), ..CROWD };
    let slowest = carried.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(vec![LONE, CROWD, half(slowest), half(carried[0])])
}

fn rounds(
    generator: &mut Generator<'_>,
    cases: &[Case],
    contenders: &[Contender],
) -> Result<Vec<Vec<Vec<Sample>>>, Error> {
    let mut samples: Vec<Vec<Vec<Sample>>> =
        cases.iter().map(|_| contenders.iter().map(|_| Vec::new()).collect()).collect();
    for round in 0..generator.plan.rounds() {
        for (case, samples) in cases.iter().zip(&mut samples) {
            // Forth and back, so that nobody always has the first or the last turn.
            let mut order: Vec<usize> = (0..contenders.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                samples[index].push(generator.undisturbed_sample(*case, &contenders[index])?);
            }
        }
    }
    Ok(samples)
}

/// Starts a load generator for each sample.
struct Generator<'a> {
    program: PathBuf,
    plan: &'a Plan,
    samples: u64,
    repeated: u32,
}

impl Generator<'_> {
    /// The first sample in which the contender had its core to itself, or of several the least disturbed.
    fn undisturbed_sample(&mut self, case: Case, contender: &Contender) -> Result<Sample, Error> {
        let mut best = self.sample(case, contender)?;
        for _ in 1..self.plan.attempts() {
            if best.starved <= TOLERATED_STARVATION {
                break;
            }
            self.repeated += 1;
            let again = self.sample(case, contender)?;
            if again.starved < best.starved {
                best = again;
            }
        }
        Ok(best)
    }

    fn sample(&mut self, case: Case, contender: &Contender) -> Result<Sample, Error> {
        let first = FIRST_NUMBER + self.samples * NUMBERS_PER_SAMPLE;
        self.samples += 1;
        let mut command = on(Core::Load, &self.program);
        command.args(["--bench", "load", "--target"]).arg(contender.server.address.to_string());
        command.args([
            "--dialect",
            match contender.dialect {
                Dialect::Rest => "rest",
                Dialect::Mcp => "mcp",
            },
        ]);
        command.arg("--connections").arg(case.connections.to_string());
        command.args(case.rate.iter().flat_map(|rate| ["--rate".to_owned(), rate.to_string()]));
        command.arg("--warm-up-ms").arg(self.plan.warm_up().as_millis().to_string());
        command.arg("--measured-ms").arg(self.plan.measured().as_millis().to_string());
        command.arg("--first").arg(first.to_string());
        command.arg("--pid").arg(contender.server.pid().to_string());
        let output = command.output()?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the load on the {} failed: {}", contender.name, reason.trim()).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
