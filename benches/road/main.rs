//! The road: what a call costs through chaperone, against a forwarder that does nothing else.
//!
//! The real binary and a bare hyper forwarder (the floor) answer the same load from the same upstream, in turns within
//! one run, on one core; the load generator and the upstream have another core. What is reported are ratios within a
//! round, so that a machine that grows slower or faster in the meantime does not count. `benches/README.md` says how to
//! read them.
//!
//! One program in several roles: [`bench`] starts itself again as [`upstream`], [`floor`] and load generator
//! ([`closed`], [`paced`]), each in a process of its own.

mod answer;
mod bench;
mod cli;
mod closed;
mod connection;
mod contender;
mod floor;
mod machine;
mod paced;
mod process;
mod report;
mod request;
mod sample;
mod stats;
mod upstream;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Role};

/// Why a role or the whole bench gave up; the text is for the person at the terminal.
type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs a bench without this flag: there is nothing to measure in a debug build.
    if !std::env::args().skip(1).any(|argument| argument == "--bench") {
        return say("run by: cargo bench --bench road\n");
    }
    match run(Cli::parse()) {
        Ok(text) => say(&text),
        Err(error) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("road: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<String, Error> {
    match cli.role {
        None => bench::run(&cli.plan),
        Some(Role::Upstream) => alone(upstream::run()).map(|never| match never {}),
        Some(Role::Floor { upstream }) => alone(floor::run(upstream)).map(|never| match never {}),
        Some(Role::Load(load)) => {
            let sample = alone(async {
                match load.rate {
                    None => closed::run(&load).await,
                    Some(rate) => paced::run(&load, rate).await,
                }
            })?;
            Ok(serde_json::to_string(&sample)?)
        }
    }
}

/// Runs a role on a runtime of one thread: a role has one core.
fn alone<T>(role: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(role)
}

fn say(text: &str) -> ExitCode {
    match std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
