//! The planes: how long each part of the road takes, and how often it allocates.
//!
//! Everything goes by what the library shows anyway, layer by layer and then as a whole, in one thread of one process.
//! Allocations are counted by `allocation-counter`, which is the allocator of this bench; the times hold what the
//! counting takes, a few nanoseconds an allocation, so they are for comparing one state of the code with another. What
//! a call costs in the real program is what the road bench measures.

mod canned;
mod edge;
mod mcp;
mod measure;
mod policy;
mod registry;
mod road;
mod scene;
mod telemetry;
mod upstream;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use measure::{Bench, Cost};
use road::Calls;
use upstream::Hyper;

/// Why the bench gave up; the text is for the person at the terminal.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// Most allocations of our own that a small `tools/call` is meant to make.
const MOST_ALLOCATIONS: f64 = 40.0;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs a bench without this flag: there is nothing to measure in a debug build.
    if !std::env::args().skip(1).any(|argument| argument == "--bench") {
        return say("run by: cargo bench --bench planes\n");
    }
    match run() {
        Ok(report) => say(&report),
        Err(error) => {
            let _ = std::io::stderr().write_all(format!("planes: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Error> {
    let mut bench = Bench::new()?;
    let calls = road::bench(&mut bench)?;
    let (outcome, hyper) = upstream::bench(&mut bench)?;
    let scene = scene::Scene::new(([127, 0, 0, 1], 9).into(), "")?;
    let fresh = scene::Scene::new(([127, 0, 0, 1], 9).into(), "")?;
    edge::bench(&mut bench, fresh.registry)?;
    registry::bench(&mut bench, &scene)?;
    mcp::bench(&mut bench, &scene, &outcome)?;
    policy::bench(&mut bench, &scene, &outcome)?;
    telemetry::bench(&mut bench, &scene, &outcome.exchange)?;
    Ok(table(&bench) + &summary(&calls, &hyper))
}

/// Every operation, as Markdown.
fn table(bench: &Bench) -> String {
    let mut text =
        String::from("\n| operation | time, µs | allocations | bytes allocated |\n| --- | ---: | ---: | ---: |\n");
    for (name, Cost { nanoseconds, allocations, bytes }) in bench.costs() {
        let _ = writeln!(text, "| {name} | {:.2} | {allocations:.1} | {bytes:.0} |", nanoseconds / 1e3);
    }
    text
}

/// The number that the target is about. The client of the accounts is chaperone's own, so nothing of hyper's is in the road;
/// what hyper's would take for the same exchange is told for comparison.
fn summary(calls: &Calls, hyper: &Hyper) -> String {
    format!(
        "\nallocations per small tools/call, our code: {:.1} (target: at most {MOST_ALLOCATIONS:.0})\n\
         the same with every call traced and exported: {:.1}\n\
         hyper's connection alone takes {:.1} for the same exchange, hyper's pooled client {:.1}\n",
        calls.quiet.allocations, calls.traced.allocations, hyper.bare.allocations, hyper.pooled.allocations,
    )
}

fn say(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
