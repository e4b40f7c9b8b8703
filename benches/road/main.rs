//! The road: what a call costs through chaperone, against a forwarder that does nothing else.
//!
//! The real binary and a bare hyper forwarder (the floor) answer the same load from the same upstream, in turns within
//! one run, on one core; the load generator and the upstream have another core. What is reported are ratios within a
//! round, so that a machine that grows slower or faster in the meantime does not count. `benches/README.md` says how to
//! read them.
//!
//! [`bench`] is a run: it builds the [`program`]s, has every [`suite`] measured, and hands the [`results`] to the
//! [`report`]. One program in several [`role`]s: it starts itself again as upstream, collector and load generator in one.

mod answer;
mod bench;
mod cli;
mod closed;
mod collector;
mod connection;
mod contender;
mod exchange;
mod gentle;
mod hold;
mod machine;
mod orders;
mod paced;
mod payload;
mod process;
mod program;
mod report;
mod results;
mod role;
mod sample;
mod setup;
mod stage;
mod stalls;
mod stats;
mod suite;
mod target;
mod upstream;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

/// Why a role or the whole bench gave up; the text is for the person at the terminal.
type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs a bench without this flag: there is nothing to measure in a debug build.
    if !std::env::args().skip(1).any(|argument| argument == "--bench") {
        return say(Ok("run by: cargo bench --bench road\n".to_owned()));
    }
    role::played(say).unwrap_or_else(|| say(bench::run(&Cli::parse().plan)))
}

fn say(outcome: Result<String, Error>) -> ExitCode {
    let (written, code) = match outcome {
        Ok(text) => (std::io::stdout().write_all(text.as_bytes()), ExitCode::SUCCESS),
        Err(error) => (writeln!(std::io::stderr(), "road: {error}"), ExitCode::FAILURE),
    };
    written.map_or(ExitCode::FAILURE, |()| code)
}
