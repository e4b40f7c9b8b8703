//! What can be asked of the bench.

use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

/// What a call costs through chaperone, against a forwarder that does nothing else.
#[derive(Debug, Parser)]
#[command(name = "road")]
pub(crate) struct Cli {
    /// Given by cargo to every bench.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(flatten)]
    pub(crate) plan: Plan,
}

/// What to measure, and how much.
#[derive(Args, Debug)]
pub(crate) struct Plan {
    /// What to measure [default: all of it; with --quick, small, list and start]
    #[arg(value_enum)]
    suites: Vec<Suite>,
    /// A run of some seconds: shows that everything works and the size of things, no more
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure the floor against a second floor: every ratio has to be about 1, or the bench measures itself
    #[arg(long)]
    pub(crate) self_check: bool,
    /// Rounds in which every contender is measured once in every case [default: 5, or 3 with --quick]
    #[arg(long)]
    rounds: Option<u32>,
    /// Measured seconds of a contender in a case in a round [default: 1, or 0.2 with --quick]
    #[arg(long)]
    seconds: Option<f64>,
    /// Another contender in `small` and `connections`: a name, and what the shell runs to start it
    #[arg(long, value_name = "NAME=COMMAND", value_parser = rival)]
    pub(crate) against: Vec<(String, String)>,
    /// Leave out chaperone with a log, with traces and with limits, where others are measured
    #[arg(long)]
    pub(crate) plain: bool,
}

/// Cases that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The small call over 64 connections
    Small,
    /// The same over 1, 16 and 256
    Connections,
    /// The same at a fixed rate
    Latency,
    /// tools/list
    List,
    /// Results of 200 B to 5 MB
    Sizes,
    /// Many MCP servers, many tools
    Breadth,
    /// What it holds, idle and at work
    Memory,
    /// From start to ready, and the size of the binary
    Start,
}

fn rival(text: &str) -> Result<(String, String), String> {
    let (name, command) = text.split_once('=').ok_or("expected NAME=COMMAND")?;
    Ok((name.to_owned(), command.to_owned()))
}

impl Plan {
    /// Whether this is to be measured.
    pub(crate) fn wants(&self, suite: Suite) -> bool {
        match (self.suites.as_slice(), self.quick) {
            ([], true) => matches!(suite, Suite::Small | Suite::List | Suite::Start),
            ([], false) => true,
            (named, _) => named.contains(&suite),
        }
    }

    /// Rounds, at least one.
    pub(crate) fn rounds(&self) -> u32 {
        // An odd number, so that the median is a round that took place; five is the least that gives a spread.
        self.rounds.unwrap_or(if self.quick { 3 } else { 5 }).max(1)
    }

    /// The measured time of one sample.
    pub(crate) fn measured(&self) -> Duration {
        // A second is 5,000 calls and more at one connection: 50 of them are beyond the p99.
        Duration::from_secs_f64(self.seconds.unwrap_or(if self.quick { 0.2 } else { 1.0 }).max(0.05))
    }

    /// How often a sample is taken until the contender had its core to itself.
    pub(crate) fn attempts(&self) -> u32 {
        // Who builds something beside the bench is done after some seconds, or will not be done at all.
        if self.quick { 1 } else { 3 }
    }

    /// What runs ahead of a sample unmeasured: connections are made and buffers grow in it.
    pub(crate) fn warm_up(&self) -> Duration {
        self.measured() / 5
    }
}
