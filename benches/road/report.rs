//! The tables, and what has to be said about them.

use std::fmt::Write as _;

use crate::bench::TOLERATED_STARVATION;
use crate::cli::Plan;
use crate::results::{Case, Group, Results};
use crate::sample::Sample;
use crate::stats::Spread;
use crate::{Error, machine, process, target};

/// Below this share of its core in use the first contender was not the limit of a closed loop.
const SATURATED: f64 = 0.95;
/// Below this share of the calls that fell due a contender did not keep up with a paced load.
const KEPT_UP: f64 = 0.97;
/// How far from 1 a floor may be from its twin, over many connections and up to the median.
const TWINS_WITHIN: f64 = 0.05;

/// A column of numbers out of samples.
struct Measure {
    name: &'static str,
    of: fn(&Sample) -> f64,
}

/// What is reported of every case.
const MEASURES: [Measure; 5] = [
    Measure { name: "calls/s", of: |sample| sample.throughput },
    Measure { name: "median, µs", of: |sample| sample.p50_us },
    Measure { name: "p99, µs", of: |sample| sample.p99_us },
    Measure { name: "p99.9, µs", of: |sample| sample.p999_us },
    Measure { name: "CPU a call, µs", of: |sample| sample.cpu_us },
];

/// The report of contenders against the first of them.
pub(crate) fn comparison(plan: &Plan, results: &Results) -> String {
    let mut text = heading(plan, results);
    for group in &results.groups {
        ratios(&mut text, group);
    }
    figures(&mut text, results);
    warnings(&mut text, results);
    target::table(&mut text, results);
    text
}

/// The report of the floor against its twin.
///
/// # Errors
/// The report, if they are not equal.
pub(crate) fn self_check(plan: &Plan, results: &Results) -> Result<String, Error> {
    let text = comparison(plan, results);
    let group = results.groups.first().ok_or("nothing was measured")?;
    let crowd = group.cases.iter().position(|case| case.connections > 1 && case.rate.is_none());
    let crowd = crowd.ok_or("a self-check has a closed loop over many connections")?;
    let steady = MEASURES.iter().filter(|measure| !measure.name.contains("p99"));
    let off = steady.filter_map(|measure| Some((measure.name, group.ratio(crowd, 1, 0, measure.of)?.median)));
    let off = off.into_iter().find(|(_, ratio)| (ratio - 1.0).abs() > TWINS_WITHIN);
    match off {
        None => Ok(text),
        Some((name, ratio)) => Err(format!("{text}\nexpected twins, but {name} is {ratio:.3} of the floor's").into()),
    }
}

fn heading(plan: &Plan, results: &Results) -> String {
    let pinned = if *process::CAN_PIN { "contender on core 0, upstream and load on core 1" } else { "not pinned" };
    format!(
        "Machine: {}; {pinned}; load average before the run {}.\n\
         {} rounds, {:.2} s a sample; medians of the rounds, in bold ratios to the first of the same round (min … max).\n",
        machine::class(),
        results.load_average.split(' ').next().unwrap_or_default(),
        plan.rounds(),
        plan.measured().as_secs_f64(),
    )
}

fn ratios(text: &mut String, group: &Group) {
    let _ = write!(text, "\n| {} | contender", group.name);
    for measure in &MEASURES {
        let _ = write!(text, " | {}", measure.name);
    }
    let _ = writeln!(text, " |\n| --- | ---{} |", " | ---:".repeat(MEASURES.len()));
    for (case, named) in group.cases.iter().enumerate() {
        for (contender, name) in group.contenders.iter().enumerate() {
            let _ = write!(text, "| {} | {name}", named.name);
            for measure in &MEASURES {
                cell(text, group, (case, contender), measure.of);
            }
            text.push_str(" |\n");
        }
    }
}

fn cell(text: &mut String, group: &Group, (case, contender): (usize, usize), of: fn(&Sample) -> f64) {
    let value = group.spread(case, contender, of).map_or(f64::NAN, |spread| spread.median);
    let _ = write!(text, " | {}", significant(value));
    if contender == 0 {
        return;
    }
    if let Some(Spread { median, min, max }) = group.ratio(case, contender, 0, of) {
        let _ = write!(text, " **{median:.2}** ({min:.2} … {max:.2})");
    }
}

/// What is no ratio.
fn figures(text: &mut String, results: &Results) {
    if results.figures.is_empty() {
        return;
    }
    text.push_str("\n| what | contender | measured |\n| --- | --- | ---: |\n");
    for figure in &results.figures {
        let _ = writeln!(text, "| {} | {} | {:.1} {} |", figure.name, figure.contender, figure.value, figure.unit);
    }
}

/// What makes a run less than it seems.
fn warnings(text: &mut String, results: &Results) {
    text.push('\n');
    if let Some(warning) = crowded(results) {
        let _ = writeln!(text, "* {warning}");
    }
    if results.shared_core {
        text.push_str(
            "* paced contenders had to share their core (no `chrt`, or no right to use it): do not believe a p99\n",
        );
    }
    for note in &results.notes {
        let _ = writeln!(text, "* {note}");
    }
    for group in &results.groups {
        for (index, case) in group.cases.iter().enumerate() {
            let said = (0..group.contenders.len()).filter_map(|contender| overrun(group, index, contender));
            for warning in said.chain(occupied(group, index)).chain(late(group, index)) {
                let _ = writeln!(text, "* {}, {}: {warning}", group.name, case.name);
            }
        }
    }
}

/// Whether contenders did not have their core alone.
fn crowded(results: &Results) -> Option<String> {
    let samples = results.groups.iter().flat_map(|group| &group.samples).flatten().flatten();
    let shares: Vec<f64> = samples.map(|sample| sample.starved).collect();
    let crowded = shares.iter().filter(|&&share| share > TOLERATED_STARVATION).count();
    let Spread { median, max, .. } = Spread::of(shares.iter().map(|share| share * 100.0))?;
    (crowded > 0).then(|| {
        format!(
            "in {crowded} of {} samples a contender was not alone on its core (waited for it {median:.1} % of the \
             time, at most {max:.1} %; {} more were taken again): believe CPU time a call, and little else",
            shares.len(),
            results.repeated,
        )
    })
}

/// Whether a paced load was more than a contender can carry.
fn overrun(group: &Group, case: usize, contender: usize) -> Option<String> {
    let carried = group.spread(case, contender, |sample| sample.throughput)?.median;
    (carried < group.cases[case].rate? * KEPT_UP).then(|| {
        let name = &group.contenders[contender];
        format!("{name} carried {carried:.0} calls/s: calls pile up, and its latency says how long the run was")
    })
}

/// How far a closed loop over many connections used both cores: whether the contender, and not the load, was the limit.
fn occupied(group: &Group, case: usize) -> Option<String> {
    let Case { connections, rate, .. } = group.cases[case];
    if connections == 1 || rate.is_some() {
        return None;
    }
    let own = group.spread(case, 0, |sample| sample.busy + sample.starved)?.median;
    let load = group.spread(case, 0, |sample| sample.load_busy)?.median;
    let verdict = if own < SATURATED {
        ": it waited for the load, or for others on the load's core; believe the ratio of CPU time"
    } else {
        ""
    };
    let first = &group.contenders[0];
    let (own, load) = (own * 100.0, load * 100.0);
    Some(format!("{first} used {own:.0} % of its core, load and upstream {load:.0} % of theirs{verdict}"))
}

/// How late a paced load was, and how much it left out.
fn late(group: &Group, case: usize) -> Option<String> {
    group.cases[case].rate?;
    let most = |of: fn(&Sample) -> f64| {
        let medians = (0..group.contenders.len()).filter_map(|contender| group.spread(case, contender, of));
        medians.map(|spread| spread.median).fold(0.0, f64::max)
    };
    let (late, left_out) = (most(|sample| sample.late_us), most(|sample| sample.disturbed) * 100.0);
    Some(format!(
        "1 call of 100 was sent up to {late:.0} µs late or more, which is in its latency; up to {left_out:.1} % of a \
         contender's calls are left out, for others had the load's core meanwhile"
    ))
}

/// `value` with about three digits that mean something.
fn significant(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
