//! The real binary as a child process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{Agent, Setup};

/// Far longer than a start takes, so that only a binary that hangs meets it.
const READY_WITHIN: Duration = Duration::from_secs(60);
const ANNOUNCEMENT: &str = "listening on http://";

/// `chaperone serve`, killed when dropped.
pub(crate) struct Chaperone {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Chaperone {
    /// Start it and wait until it says where it listens.
    pub(crate) fn serve(setup: &Setup) -> Self {
        let folder = setup.write();
        let log = File::create(folder.path().join("stderr")).expect("the log can be made");
        let mut child = command()
            .args(["serve", "--config"])
            .arg(folder.path().join("chaperone.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut started = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), folder };
        let Ok(address) = announced(stdout).recv_timeout(READY_WITHIN) else {
            panic!("chaperone never said where it listens; it wrote:\n{}", started.log());
        };
        started.address = address;
        started
    }

    /// Where MCP traffic goes.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// An agent at the open MCP server of this name.
    pub(crate) fn agent(&self, server: &str) -> Agent {
        Agent::new(self.address, &format!("/mcp/{server}"))
    }

    /// The folder of its configuration.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What it has written to stderr.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }
}

impl Drop for Chaperone {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary under test, free of the settings of whoever runs the tests.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaperone"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHAPERONE_")) {
        command.env_remove(name);
    }
    command
}

/// The address in the line that says it; the rest of stdout is read so that the child never blocks on it.
fn announced(stdout: ChildStdout) -> mpsc::Receiver<SocketAddr> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix(ANNOUNCEMENT).and_then(|text| text.trim().parse().ok()) {
                // Nobody listens any more once the first address is known.
                let _ = tell.send(address);
            }
        }
    });
    told
}
