//! Who is measured: the floor, chaperone as it is shipped, and whoever else is named on the command line.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

use crate::exchange::Exchange;
use crate::payload::Payload;
use crate::process::{Core, Server, on};
use crate::program::Programs;
use crate::setup::{KEY_VARIABLE, SERVER, Setup};
use crate::{Error, machine};

/// Where a rival's command finds the upstream.
const UPSTREAM_VARIABLE: &str = "ROAD_UPSTREAM";

/// A server that runs and waits for load.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) exchange: Exchange,
    pub(crate) server: Server,
    /// Its processes, whose CPU time is read.
    pub(crate) pids: Vec<u32>,
    /// What it was told, which is there as long as it runs.
    _folder: Option<TempDir>,
}

impl Contender {
    /// The floor, in front of an upstream that answers with `payload`.
    pub(crate) fn floor(
        name: &str,
        programs: &Programs,
        upstream: SocketAddr,
        payload: Payload,
    ) -> Result<Self, Error> {
        let mut command = on(Core::Contender, &programs.floor);
        let server = Server::start(command.arg("forward").arg(upstream.to_string()))?;
        let exchange = Exchange::call(SERVER, payload.tool()).answered_by(payload.list());
        Self::new(name, exchange, server, None)
    }

    /// A bare server that answers `exchange` with `bytes`.
    pub(crate) fn bare(programs: &Programs, exchange: Exchange, bytes: &[u8]) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("answer");
        std::fs::write(&file, bytes)?;
        let server = Server::start(on(Core::Contender, &programs.floor).arg("answer").arg(file))?;
        Self::new("bare server", exchange, server, Some(folder))
    }

    /// chaperone, set up so.
    pub(crate) fn chaperone(name: &str, programs: &Programs, setup: &Setup, exchange: Exchange) -> Result<Self, Error> {
        let folder = setup.write()?;
        let mut command = on(Core::Contender, &programs.chaperone);
        command.args(["serve", "--config"]).arg(folder.path().join("chaperone.yaml"));
        // One core, so one worker thread.
        command.env("TOKIO_WORKER_THREADS", "1").env(KEY_VARIABLE, "road-key");
        if setup.log {
            // What is measured is the making of a line.
            command.stderr(Stdio::null());
        }
        Self::new(name, exchange, Server::start(&mut command)?, Some(folder))
    }

    /// chaperone with limits: what calls it presents an API token.
    pub(crate) fn limited(name: &str, programs: &Programs, setup: &Setup, exchange: Exchange) -> Result<Self, Error> {
        let token = ApiToken::new(programs)?;
        let mut exchange = exchange;
        exchange.headers.push(("authorization".to_owned(), format!("Bearer {}", token.token)));
        Self::chaperone(name, programs, &Setup { limits: Some(token.api_tokens_line), ..setup.clone() }, exchange)
    }

    /// Whoever `command`, a line for the shell, starts in front of `upstream`.
    ///
    /// The command finds the upstream in `ROAD_UPSTREAM` (`HOST:PORT`). On stdout it says `listening on
    /// http://HOST:PORT/PATH`; before that, where the request is another than chaperone's, `header NAME: VALUE` (all
    /// of them, as often as it takes), `body TEXT` with `road-############` where the query goes, and `holds TEXT` for
    /// what stands near the beginning of every right answer.
    pub(crate) fn rival(name: &str, command: &str, upstream: SocketAddr) -> Result<Self, Error> {
        let mut shell = on(Core::Contender, "sh".as_ref());
        shell.arg("-c").arg(command).env(UPSTREAM_VARIABLE, upstream.to_string());
        let server = Server::start(&mut shell)?;
        let mut exchange = Exchange::call(SERVER, Payload::People.tool());
        let said =
            |key: &'static str| server.said.iter().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '));
        if said("header").next().is_some() {
            let pairs = said("header").filter_map(|header| header.split_once(':'));
            exchange.headers = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        }
        if let Some(body) = said("body").next() {
            body.clone_into(&mut exchange.body);
        }
        if let Some(holds) = said("holds").next() {
            holds.clone_into(&mut exchange.holds);
        }
        exchange.path.clone_from(server.said.last().expect("the path is the last of what it said"));
        Self::new(name, exchange, server, None)
    }

    fn new(name: &str, exchange: Exchange, server: Server, folder: Option<TempDir>) -> Result<Self, Error> {
        let pids = machine::family(server.pid())?;
        Ok(Self { name: name.to_owned(), exchange, server, pids, _folder: folder })
    }
}

/// What `chaperone token new --json` prints.
#[derive(Deserialize)]
struct ApiToken {
    token: String,
    api_tokens_line: String,
}

impl ApiToken {
    fn new(programs: &Programs) -> Result<Self, Error> {
        let output = Command::new(&programs.chaperone).args(["token", "new", "--name", "road", "--json"]).output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
