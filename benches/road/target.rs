//! What is to hold, and whether it does.

use std::fmt::Write as _;

use crate::results::{AS_MANY, FLOOR, LIMITED, LOGGING, PLAIN, Results, SHARED, TRACED};
use crate::sample::Sample;
use crate::suite::{memory, start};

/// Which side of a target is good.
#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// None is set; the number is said.
    Said,
}

/// One line of the table.
struct Target {
    what: String,
    measured: f64,
    /// What the throughput would be if the core were all the contender's.
    by_cpu: Option<f64>,
    unit: &'static str,
    bound: Bound,
}

/// In one run, contender over other: what, group and case, contenders, number, target.
type Ratio = (&'static str, (&'static str, &'static str), (&'static str, &'static str), fn(&Sample) -> f64, Bound);

const THROUGHPUT: fn(&Sample) -> f64 = |sample| sample.throughput;
const CPU: fn(&Sample) -> f64 = |sample| sample.cpu_us;
const MEDIAN: fn(&Sample) -> f64 = |sample| sample.p50_us;
const P99: fn(&Sample) -> f64 = |sample| sample.p99_us;
const P99_ALL: fn(&Sample) -> f64 = |sample| sample.p99_all_us;

const CROWD: (&str, &str) = ("small", "64");
const HALF: (&str, &str) = ("latency", "half of the floor");

#[rustfmt::skip]
const RATIOS: [Ratio; 19] = [
    ("throughput, small call, 64 connections, tracing off", CROWD, (PLAIN, FLOOR), THROUGHPUT, Bound::AtLeast(0.75)),
    ("the same with a log line a call, as by default", CROWD, (LOGGING, FLOOR), THROUGHPUT, Bound::Said),
    ("the same, tracing on", CROWD, (TRACED, FLOOR), THROUGHPUT, Bound::AtLeast(0.55)),
    ("median latency at half the floor's saturation, tracing on", HALF, (TRACED, FLOOR), MEDIAN, Bound::AtMost(1.20)),
    ("p99 latency at half the floor's saturation, tracing on", HALF, (TRACED, FLOOR), P99, Bound::AtMost(1.35)),
    ("the same, of all calls", HALF, (TRACED, FLOOR), P99_ALL, Bound::Said),
    ("median latency at half the floor's saturation, tracing off", HALF, (PLAIN, FLOOR), MEDIAN, Bound::Said),
    ("p99 latency at half the floor's saturation, tracing off", HALF, (PLAIN, FLOOR), P99, Bound::Said),
    ("tools/list of 53 tools over a bare server", ("list", ""), (TRACED, "bare server"), THROUGHPUT, Bound::AtLeast(0.90)),
    ("the same, tracing off", ("list", ""), (PLAIN, "bare server"), THROUGHPUT, Bound::Said),
    ("throughput, 150 KB list", ("150 KB", ""), (TRACED, FLOOR), THROUGHPUT, Bound::AtLeast(0.60)),
    ("the same, over a floor that writes as many bytes", ("150 KB", ""), (TRACED, AS_MANY), THROUGHPUT, Bound::Said),
    ("10,000 servers over 1", ("servers", ""), ("10,000 servers", "1 server"), THROUGHPUT, Bound::AtLeast(0.97)),
    ("5,000 tools over 53", ("tools", ""), ("5,000 tools", "53 tools"), THROUGHPUT, Bound::AtLeast(0.97)),
    ("throughput, tracing on over off", CROWD, (TRACED, PLAIN), THROUGHPUT, Bound::AtLeast(0.90)),
    ("median latency, tracing on over off", ("latency", "half of the slowest"), (TRACED, PLAIN), MEDIAN, Bound::AtMost(1.10)),
    ("throughput, limits on over off", CROWD, (LIMITED, PLAIN), THROUGHPUT, Bound::AtLeast(0.97)),
    ("throughput, shared limits over own limits", CROWD, (SHARED, LIMITED), THROUGHPUT, Bound::Said),
    ("median latency, shared limits over own limits", ("latency", "half of the slowest"), (SHARED, LIMITED), MEDIAN, Bound::Said),
];

/// Numbers of chaperone with traces: figure, target.
const FIGURES: [(&str, Bound); 5] = [
    (memory::CONNECTED, Bound::AtMost(40.0)),
    (memory::SHARE, Bound::AtMost(3.0)),
    (start::READY, Bound::AtMost(50.0)),
    (memory::IDLE, Bound::AtMost(12.0)),
    (start::BINARY, Bound::AtMost(15.0)),
];

/// Rivals by the beginning of their names, and how many times their throughput is to be reached.
const RIVALS: [(&str, f64); 2] = [("envoy", 2.5), ("fastmcp", 80.0)];

/// Writes the table of what was measured of all this.
pub(crate) fn table(text: &mut String, results: &Results) {
    let mut targets = Vec::new();
    for (what, at, contenders, of, bound) in RATIOS {
        if let Some(spread) = results.ratio(at, contenders, of) {
            let (contender, other) = contenders;
            // Only a closed loop's throughput says what a contender can carry.
            let by_cpu = if at.0 == "latency" { None } else { results.ratio(at, (other, contender), CPU) };
            targets.push(Target {
                what: what.to_owned(),
                measured: spread.median,
                by_cpu: by_cpu.map(|spread| spread.median),
                unit: "",
                bound,
            });
        }
    }
    targets.extend(added(results));
    targets.extend(rivals(results));
    for (name, bound) in FIGURES {
        if let Some(figure) = results.figures.iter().find(|found| found.name == name && found.contender == TRACED) {
            targets.push(Target {
                what: name.to_owned(),
                measured: figure.value,
                by_cpu: None,
                unit: figure.unit,
                bound,
            });
        }
    }
    if targets.is_empty() {
        return;
    }
    text.push_str("\n| target | measured | by CPU time | to be | held |\n| --- | ---: | ---: | ---: | --- |\n");
    for target in &targets {
        target.row(text);
    }
}

/// What shared limits add to a call.
fn added(results: &Results) -> Option<Target> {
    let group = results.group("connections")?;
    let median = |name| group.spread(0, group.place(name)?, MEDIAN).map(|spread| spread.median);
    let measured = median(SHARED)? - median(LIMITED)?;
    Some(Target {
        what: "median latency that shared limits add, 1 connection".to_owned(),
        measured,
        by_cpu: None,
        unit: "µs",
        bound: Bound::Said,
    })
}

fn rivals(results: &Results) -> Vec<Target> {
    let Some(group) = results.group("small") else { return Vec::new() };
    let own = [FLOOR, PLAIN, LOGGING, TRACED, LIMITED, SHARED, "second floor"];
    let names = group.contenders.iter().filter(|name| !own.contains(&name.as_str()));
    names
        .filter_map(|name| {
            let spread = results.ratio(CROWD, (TRACED, name), THROUGHPUT)?;
            let wanted = RIVALS.iter().find(|(start, _)| name.to_lowercase().starts_with(start));
            Some(Target {
                what: format!("throughput, tracing on, over {name}"),
                measured: spread.median,
                by_cpu: results.ratio(CROWD, (name, TRACED), CPU).map(|spread| spread.median),
                unit: "×",
                bound: wanted.map_or(Bound::Said, |(_, times)| Bound::AtLeast(*times)),
            })
        })
        .collect()
}

impl Target {
    fn row(&self, text: &mut String) {
        let (bound, held) = match self.bound {
            Bound::AtLeast(least) => (format!("≥ {least}"), if self.measured >= least { "yes" } else { "**no**" }),
            Bound::AtMost(most) => (format!("≤ {most}"), if self.measured <= most { "yes" } else { "**no**" }),
            Bound::Said => (String::new(), ""),
        };
        let by_cpu = self.by_cpu.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let _ = writeln!(text, "| {} | {:.2} {} | {by_cpu} | {bound} | {held} |", self.what, self.measured, self.unit);
    }
}
