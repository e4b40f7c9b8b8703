//! The real binary as a child process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{Agent, Setup};

/// Far longer than a start takes, so that only a binary that hangs meets it.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// A running chaperone, killed when dropped.
struct Process {
    child: Child,
    lines: Receiver<String>,
    folder: TempDir,
}

impl Process {
    /// Start it with these arguments; the folder is its own.
    fn start(arguments: &[&str], folder: TempDir) -> Self {
        let log = File::create(folder.path().join("stderr")).expect("the log can be made");
        let mut child = command()
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let lines = lines(child.stdout.take().expect("stdout is piped"));
        Self { child, lines, folder }
    }

    /// The word behind `start` in the next line of stdout that begins so.
    fn said(&self, start: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(READY_WITHIN) else {
                panic!("chaperone never said `{start}`; it wrote:\n{}", self.log());
            };
            if let Some(rest) = line.trim_start().strip_prefix(start) {
                return rest.split_whitespace().next().unwrap_or_default().to_owned();
            }
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    /// Send it a signal (`TERM`).
    fn signal(&self, name: &str) {
        // The shell's own `kill`: there is a shell everywhere, and a program of that name is not.
        let kill = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(kill.is_ok_and(|status| status.success()), "SIG{name} could not be sent");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of stdout as they come, read on so that the child never blocks on it.
fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens any more once everything of interest was said.
            let _ = tell.send(line);
        }
    });
    told
}

/// The binary under test, free of the settings of whoever runs the tests.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaperone"));
    for (name, _) in std::env::vars_os()
        .filter(|(name, _)| ["CHAPERONE_", "OTEL_"].iter().any(|own| name.to_string_lossy().starts_with(own)))
    {
        command.env_remove(name);
    }
    command
}

/// `chaperone serve`.
pub(crate) struct Chaperone {
    process: Process,
    address: SocketAddr,
}

impl Chaperone {
    /// Start it and wait until it says where it listens.
    pub(crate) fn serve(setup: &Setup) -> Self {
        let process = Process::start(&["serve", "--config", "chaperone.yaml"], setup.write());
        let address = process.said("listening on http://");
        let address = address.parse().unwrap_or_else(|_| panic!("expected an address, found {address}"));
        Self { process, address }
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
    pub(crate) fn folder(&self) -> &Path {
        self.process.folder.path()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Send it a signal (`TERM`).
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Wait until it has ended: how, and what it wrote to stderr.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let status = self.process.child.wait().expect("a child can be waited for");
        (status, self.log())
    }

    /// What it has written to stderr.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

/// `chaperone demo`.
pub(crate) struct Demo {
    /// URL of the server with full access.
    pub(crate) full_access: String,
    /// URL of the server that only reads.
    pub(crate) read_only: String,
    _process: Process,
}

impl Demo {
    /// Start it and wait until it has said where its servers are.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let process = Process::start(&["demo", "--listen", "127.0.0.1:0"], folder);
        let full_access = process.said("full access:");
        let read_only = process.said("read only:");
        Self { full_access, read_only, _process: process }
    }
}
