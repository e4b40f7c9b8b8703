//! Who is measured: the floor, and chaperone as it is shipped.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Error;
use crate::process::{Core, Server, on};
use crate::request::{Dialect, SERVER, TOOL};

/// Where chaperone finds the key it presents to the upstream.
const KEY_VARIABLE: &str = "ROAD_KEY";

/// The log of [`Log::CallsKept`].
const LOG_FILE: &str = "log";

/// What chaperone tells of its work.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Log {
    /// Failures only: there are none.
    Failures,
    /// A line for every call, written to nowhere: what is measured is its making.
    Calls,
    /// The same into a file, to see that the lines are made.
    CallsKept,
}

/// A proxy that runs and waits for load.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) server: Server,
    /// Its configuration, which is there as long as it runs.
    folder: Option<TempDir>,
}

impl Contender {
    /// The floor in front of `upstream`; `program` is this bench.
    pub(crate) fn floor(name: &'static str, program: &Path, upstream: &Server) -> Result<Self, Error> {
        let address = upstream.address.to_string();
        let server =
            Server::start(on(Core::Contender, program).args(["--bench", "floor", "--upstream", address.as_str()]))?;
        Ok(Self { name, dialect: Dialect::Rest, server, folder: None })
    }

    /// chaperone in front of `upstream`.
    pub(crate) fn chaperone(name: &'static str, upstream: &Server, log: Log) -> Result<Self, Error> {
        let folder = configuration(upstream, log)?;
        let mut command = serve(folder.path());
        match log {
            Log::Failures => {}
            Log::Calls => _ = command.stderr(Stdio::null()),
            Log::CallsKept => _ = command.stderr(File::create(folder.path().join(LOG_FILE))?),
        }
        Ok(Self { name, dialect: Dialect::Mcp, server: Server::start(&mut command)?, folder: Some(folder) })
    }

    /// Whether its log, which was kept, names the tool that was called.
    pub(crate) fn has_logged_calls(&self) -> Result<bool, Error> {
        let folder = self.folder.as_ref().ok_or("this contender keeps no log")?;
        Ok(fs::read_to_string(folder.path().join(LOG_FILE))?.contains(TOOL))
    }
}

/// The binary that is measured: `CHAPERONE_BIN`, or the one cargo built beside this bench.
fn binary() -> PathBuf {
    env::var_os("CHAPERONE_BIN").unwrap_or_else(|| OsStr::new(env!("CARGO_BIN_EXE_chaperone")).to_owned()).into()
}

/// `chaperone serve` with the configuration in `folder`, on one worker thread as it has one core.
fn serve(folder: &Path) -> Command {
    let mut command = on(Core::Contender, &binary());
    command.args(["serve", "--config"]).arg(folder.join("chaperone.yaml"));
    command.env("TOKIO_WORKER_THREADS", "1").env(KEY_VARIABLE, "road-key");
    command
}

/// A folder with a configuration and one policy: every tool, for whoever reaches the port.
fn configuration(upstream: &Server, log: Log) -> Result<TempDir, Error> {
    let folder = tempfile::tempdir()?;
    let policies = folder.path().join("policies");
    fs::create_dir(&policies)?;
    fs::write(policies.join("road.yaml"), format!("name: {SERVER}\naccount: road\nconfig: {{}}\ntoken: none\n"))?;
    let level = match log {
        Log::Failures => "warn",
        Log::Calls | Log::CallsKept => "info",
    };
    let configuration = format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\npolicies: {policies}\n\
         accounts:\n  - id: road\n    integration: affinity\n    base_url: http://{upstream}\n    \
         credentials: {{api_key: {{env: {KEY_VARIABLE}}}}}\ntelemetry: {{log: {{level: {level}}}}}\n",
        policies = policies.display(),
        upstream = upstream.address,
    );
    fs::write(folder.path().join("chaperone.yaml"), configuration)?;
    Ok(folder)
}
