//! What can be asked of the bench, and how it asks itself.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::request::Dialect;

/// What a call costs through chaperone, against a forwarder that does nothing else.
#[derive(Debug, Parser)]
pub(crate) struct Cli {
    /// Given by cargo to every bench.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(flatten)]
    pub(crate) plan: Plan,
    /// The part this process plays; the whole bench if none is named.
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// How much to measure.
#[derive(Args, Debug)]
pub(crate) struct Plan {
    /// A run of about ten seconds: shows that everything works and the size of things, no more
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure the floor against a second floor: every ratio has to be about 1, or the bench measures itself
    #[arg(long)]
    pub(crate) self_check: bool,
    /// Rounds in which every contender is measured once in every case [default: 7, or 3 with --quick]
    #[arg(long)]
    rounds: Option<u32>,
    /// Measured seconds of a contender in a case in a round [default: 2, or 0.2 with --quick]
    #[arg(long)]
    seconds: Option<f64>,
}

impl Plan {
    /// Rounds, at least one.
    pub(crate) fn rounds(&self) -> u32 {
        // An odd number, so that the median is a round that took place; five is the least that gives a spread.
        self.rounds.unwrap_or(if self.quick { 3 } else { 7 }).max(1)
    }

    /// The measured time of one sample.
    pub(crate) fn measured(&self) -> Duration {
        // Two seconds are 20,000 calls and more at one connection: 200 of them are beyond the p99.
        Duration::from_secs_f64(self.seconds.unwrap_or(if self.quick { 0.2 } else { 2.0 }).max(0.05))
    }

    /// How often a sample is taken until the contender had its core to itself.
    pub(crate) fn attempts(&self) -> u32 {
        // Who builds something beside the bench is done after some seconds, or will not be done at all.
        if self.quick { 1 } else { 5 }
    }

    /// What runs ahead of a sample unmeasured: connections are made and buffers grow in it.
    pub(crate) fn warm_up(&self) -> Duration {
        self.measured() / 5
    }
}

/// The part a process plays.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// A stand-in for the CRM
    #[command(hide = true)]
    Upstream,
    /// Forwards, and does nothing else
    #[command(hide = true)]
    Floor {
        #[arg(long)]
        upstream: SocketAddr,
    },
    /// Calls, and measures
    #[command(hide = true)]
    Load(Load),
}

/// One sample's load.
#[derive(Args, Debug)]
pub(crate) struct Load {
    /// Where the contender listens.
    #[arg(long)]
    pub(crate) target: SocketAddr,
    /// What its answers look like.
    #[arg(long)]
    pub(crate) dialect: Dialect,
    /// Connections held open.
    #[arg(long)]
    pub(crate) connections: usize,
    /// Calls a second over all connections; without it each connection calls again as soon as it is answered.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Milliseconds that are run but not measured.
    #[arg(long)]
    pub(crate) warm_up_ms: u64,
    /// Milliseconds that are measured.
    #[arg(long)]
    pub(crate) measured_ms: u64,
    /// Number of the first call; no two calls of a run bear the same.
    #[arg(long)]
    pub(crate) first: u64,
    /// The contender's process, whose CPU time is read.
    #[arg(long)]
    pub(crate) pid: u32,
}
