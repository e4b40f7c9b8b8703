//! The parts of a run that are processes of their own: this program, told by `--play JSON` which of them it is.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};

use crate::exchange::Exchange;
use crate::payload::Payload;
use crate::process::{Core, on};
use crate::{Error, hold, orders};

/// What precedes a role on the command line.
pub(crate) const PLAY: &str = "--play";

/// The part a process plays.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Stand-ins for the CRM that answer with these, one for a tracing backend, and whoever calls and measures.
    Stage { payloads: Vec<Payload> },
    /// Opens connections, makes one call on each and keeps them.
    Hold { target: SocketAddr, exchange: Exchange, connections: usize },
}

/// One sample's load.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Load {
    /// Where the contender listens.
    pub(crate) target: SocketAddr,
    pub(crate) exchange: Exchange,
    /// Connections held open.
    pub(crate) connections: usize,
    /// Calls a second over all connections; without it each connection calls again as soon as it is answered.
    pub(crate) rate: Option<f64>,
    /// Milliseconds that are run but not measured.
    pub(crate) warm_up_ms: u64,
    /// Milliseconds that are measured.
    pub(crate) measured_ms: u64,
    /// Number of the first call; no two calls of a run bear the same.
    pub(crate) first: u64,
    /// The contender's processes, whose CPU time is read.
    pub(crate) pids: Vec<u32>,
    /// What else works for it on the load's core, besides the load's own process.
    pub(crate) helpers: Vec<u32>,
}

impl Role {
    /// The command that plays it on the load's core.
    pub(crate) fn command(&self, bench: &Path) -> Result<Command, Error> {
        let mut command = on(Core::Load, bench);
        command.args(["--bench", PLAY]).arg(serde_json::to_string(self)?);
        Ok(command)
    }

    /// Plays it, on a runtime of one thread: it has one core.
    pub(crate) fn play(self) -> Result<String, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match self {
                Self::Stage { payloads } => orders::run(payloads).await.map(|never| match never {}),
                Self::Hold { target, exchange, connections } => {
                    hold::run(target, exchange, connections).await.map(|never| match never {})
                }
            }
        })
    }
}

/// The role that the arguments name, played; `None` if they name none.
pub(crate) fn played(say: fn(Result<String, Error>) -> ExitCode) -> Option<ExitCode> {
    let role = std::env::args().skip_while(|argument| argument != PLAY).nth(1)?;
    let role: Result<Role, Error> = serde_json::from_str(&role).map_err(Error::from);
    Some(say(role.and_then(Role::play)))
}
