//! Who is measured: the floor, and chaperone as it is shipped.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Error;
use crate::process::{Core, Server, on};
use crate::request::{Dialect, SERVER};

/// Where chaperone finds the key it presents to the upstream.
const KEY_VARIABLE: &str = "ROAD_KEY";

/// A proxy that runs and waits for load.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) server: Server,
    /// Holds its configuration as long as it runs.
    _folder: Option<TempDir>,
}

impl Contender {
    /// The floor in front of `upstream`; `program` is this bench.
    pub(crate) fn floor(name: &'static str, program: &Path, upstream: &Server) -> Result<Self, Error> {
        let address = upstream.address.to_string();
        let server =
            Server::start(on(Core::Contender, program).args(["--bench", "floor", "--upstream", address.as_str()]))?;
        Ok(Self { name, dialect: Dialect::Rest, server, _folder: None })
    }

    /// chaperone in front of `upstream`, telling of failures only.
    pub(crate) fn quiet(name: &'static str, upstream: &Server) -> Result<Self, Error> {
        let folder = configuration(upstream, "warn")?;
        let server = Server::start(&mut serve(folder.path()))?;
        Ok(Self { name, dialect: Dialect::Mcp, server, _folder: Some(folder) })
    }

    /// chaperone in front of `upstream`, with a line in its log for every call. The log goes nowhere: what is measured
    /// is its making.
    pub(crate) fn logging(name: &'static str, upstream: &Server) -> Result<Self, Error> {
        let folder = configuration(upstream, "info")?;
        let server = Server::start(serve(folder.path()).stderr(Stdio::null()))?;
        Ok(Self { name, dialect: Dialect::Mcp, server, _folder: Some(folder) })
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
fn configuration(upstream: &Server, level: &str) -> Result<TempDir, Error> {
    let folder = tempfile::tempdir()?;
    let policies = folder.path().join("policies");
    fs::create_dir(&policies)?;
    fs::write(policies.join("road.yaml"), format!("name: {SERVER}\naccount: road\nconfig: {{}}\ntoken: none\n"))?;
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
