//! The tables, and what has to be said about them.

use std::fmt::Write as _;

use crate::bench::{Case, Measured, TOLERATED_STARVATION};
use crate::cli::Plan;
use crate::sample::Sample;
use crate::stats::Spread;
use crate::{Error, machine, process};

/// Below this share of its core in use the floor was not the limit of a closed loop.
const SATURATED: f64 = 0.95;
/// Below this share of the calls that fell due a contender did not keep up with a paced load.
const KEPT_UP: f64 = 0.97;
/// How far from 1 a floor may be from its twin, over many connections and up to the median.
const TWINS_WITHIN: f64 = 0.05;

/// A column of numbers out of samples.
struct Measure {
    name: &'static str,
    unit: &'static str,
    of: fn(&Sample) -> f64,
}

/// What is reported of every case.
const MEASURES: [Measure; 4] = [
    Measure { name: "throughput", unit: "calls/s", of: |sample| sample.throughput },
    Measure { name: "median latency", unit: "µs", of: |sample| sample.p50_us },
    Measure { name: "p99 latency", unit: "µs", of: |sample| sample.p99_us },
    Measure { name: "CPU time a call", unit: "µs", of: |sample| sample.cpu_us },
];

/// The report of chaperone against the floor.
pub(crate) fn comparison(plan: &Plan, measured: &Measured) -> Result<String, Error> {
    let mut text = heading(plan, measured);
    ratios(&mut text, measured);
    processes(&mut text, measured)?;
    warnings(&mut text, measured);
    Ok(text)
}

/// The report of the floor against its twin.
///
/// # Errors
/// The report, if they are not equal.
pub(crate) fn self_check(plan: &Plan, measured: &Measured) -> Result<String, Error> {
    let text = comparison(plan, measured)?;
    let crowd = measured.cases.iter().position(|case| case.connections > 1 && case.rate.is_none());
    let crowd = crowd.expect("a run has a closed loop over many connections");
    let steady = MEASURES.iter().filter(|measure| !measure.name.contains("p99"));
    let off = steady.filter_map(|measure| Some((measure.name, ratio(measured, crowd, 1, measure.of)?.median)));
    let off = off.into_iter().find(|(_, ratio)| (ratio - 1.0).abs() > TWINS_WITHIN);
    match off {
        None => Ok(text),
        Some((name, ratio)) => Err(format!("{text}\nexpected twins, but {name} is {ratio:.3} of the floor's").into()),
    }
}

fn heading(plan: &Plan, measured: &Measured) -> String {
    let pinned = if *process::CAN_PIN { "contender on core 0, upstream and load on core 1" } else { "not pinned" };
    format!(
        "Machine: {}; {pinned}; load average before the run {}.\n\
         {} rounds, {:.2} s a sample; medians of the rounds, ratios to the floor of the same round (min … max).\n\n",
        machine::class(),
        measured.load_average.split(' ').next().unwrap_or_default(),
        plan.rounds(),
        plan.measured().as_secs_f64(),
    )
}

fn ratios(text: &mut String, measured: &Measured) {
    let mut rule = String::from("| --- | ---");
    text.push_str("| load | measure");
    for (index, contender) in measured.contenders.iter().enumerate() {
        let _ = write!(text, " | {}", contender.name);
        rule.push_str(" | ---:");
        if index > 0 {
            text.push_str(" | ratio");
            rule.push_str(" | ---:");
        }
    }
    let _ = writeln!(text, " |\n{rule} |");
    for case in 0..measured.cases.len() {
        for measure in &MEASURES {
            row(text, measured, case, measure);
        }
    }
}

fn row(text: &mut String, measured: &Measured, case: usize, measure: &Measure) {
    let _ = write!(text, "| {} | {}, {}", label(measured.cases[case]), measure.name, measure.unit);
    for contender in 0..measured.contenders.len() {
        let value = spread(&measured.samples[case][contender], measure.of).map_or(f64::NAN, |spread| spread.median);
        let _ = write!(text, " | {}", significant(value));
        if contender > 0 {
            match ratio(measured, case, contender, measure.of) {
                Some(Spread { median, min, max }) => {
                    let _ = write!(text, " | **{median:.2}** ({min:.2} … {max:.2})");
                }
                None => text.push_str(" | –"),
            }
        }
    }
    text.push_str(" |\n");
}

/// The contender's processes: how they start and what they hold.
fn processes(text: &mut String, measured: &Measured) -> Result<(), Error> {
    text.push_str("\n| process | start to ready, ms | memory after the run, MiB | most memory, MiB |\n");
    text.push_str("| --- | ---: | ---: | ---: |\n");
    for contender in &measured.contenders {
        let (now, peak) = machine::resident_mib(contender.server.pid())?;
        let ready = contender.server.ready_after.as_secs_f64() * 1e3;
        let _ = writeln!(text, "| {} | {ready:.0} | {now:.1} | {peak:.1} |", contender.name);
    }
    Ok(())
}

/// What makes a run less than it seems.
fn warnings(text: &mut String, measured: &Measured) {
    text.push('\n');
    if let Some(warning) = crowded(measured) {
        let _ = writeln!(text, "* {warning}");
    }
    for (case, samples) in measured.cases.iter().zip(&measured.samples) {
        let label = label(*case);
        for (contender, samples) in measured.contenders.iter().zip(samples) {
            if let Some(warning) = overrun(*case, samples) {
                let _ = writeln!(text, "* {label}: {} {warning}", contender.name);
            }
        }
        if let Some(warning) = unsaturated(*case, &samples[0]) {
            let _ = writeln!(text, "* {label}: {warning}");
        }
        if let Some(late) = case.rate.and_then(|_| spread(&samples[0], |sample| sample.late_us)) {
            let _ = writeln!(text, "* {label}: 1 call of 100 was sent {:.0} µs late or more", late.median);
        }
    }
}

/// Whether contenders did not have their core alone.
fn crowded(measured: &Measured) -> Option<String> {
    let shares: Vec<f64> = measured.samples.iter().flatten().flatten().map(|sample| sample.starved).collect();
    let crowded = shares.iter().filter(|&&share| share > TOLERATED_STARVATION).count();
    let Spread { median, max, .. } = Spread::of(shares.iter().map(|share| share * 100.0))?;
    (crowded > 0).then(|| {
        format!(
            "in {crowded} of {} samples a contender was not alone on its core (waited for it {median:.1} % of the \
             time, at most {max:.1} %; {} more were taken again): believe CPU time a call, and little else",
            shares.len(),
            measured.repeated,
        )
    })
}

/// Whether a paced load was more than a contender can carry.
fn overrun(case: Case, samples: &[Sample]) -> Option<String> {
    let carried = spread(samples, |sample| sample.throughput)?.median;
    (carried < case.rate? * KEPT_UP)
        .then(|| format!("carried {carried:.0} calls/s: calls pile up, and its latency says how long the run was"))
}

/// Whether the load, and not the floor, was the limit of a closed loop over many connections.
fn unsaturated(case: Case, floor: &[Sample]) -> Option<String> {
    let occupied = spread(floor, |sample| sample.busy + sample.starved)?.median;
    (case.connections > 1 && case.rate.is_none() && occupied < SATURATED).then(|| {
        let percent = occupied * 100.0;
        format!(
            "the floor needed only {percent:.0} % of its core: the load was the limit, and the ratio of throughput \
             flatters; that of CPU time does not",
        )
    })
}

/// The spread over rounds of a contender's number over the floor's number in the same round.
fn ratio(measured: &Measured, case: usize, contender: usize, of: fn(&Sample) -> f64) -> Option<Spread> {
    let samples = &measured.samples[case];
    Spread::of(samples[contender].iter().zip(&samples[0]).map(|(contender, floor)| of(contender) / of(floor)))
}

fn spread(samples: &[Sample], of: fn(&Sample) -> f64) -> Option<Spread> {
    Spread::of(samples.iter().map(of))
}

fn label(case: Case) -> String {
    let plural = if case.connections == 1 { "" } else { "s" };
    let pace = case.rate.map_or_else(String::new, |rate| format!(", {rate:.0} calls/s"));
    format!("{} connection{plural}{pace}", case.connections)
}

/// `value` with about three digits that mean something.
fn significant(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
