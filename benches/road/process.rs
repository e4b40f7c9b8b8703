//! The processes of a run: started on a core, awaited, and gone when the run is over.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use road::READY;

use crate::{Error, machine};

/// Far beyond any start.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Where a process may run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Core {
    /// The core of what is measured.
    Contender,
    /// The core of all that is needed to measure it.
    Load,
}

/// Whether processes can be bound to cores here.
pub(crate) static CAN_PIN: LazyLock<bool> = LazyLock::new(|| {
    let taskset = || Command::new("taskset").arg("--version").output();
    machine::cores() > 1 && taskset().is_ok_and(|output| output.status.success())
});

/// The command that runs `program` on `core`, or wherever the kernel likes if processes cannot be bound here.
pub(crate) fn on(core: Core, program: &Path) -> Command {
    if !*CAN_PIN {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command
        .args([
            "-c",
            match core {
                Core::Contender => "0",
                Core::Load => "1",
            },
        ])
        .arg(program);
    command
}

/// A server that listens; it ends with this value, and so does whatever it has started.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it said before it was ready, and the path behind its address as the last line.
    pub(crate) said: Vec<String>,
    /// From the start of the process to the line that says it is ready.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts a server and waits until it says where it listens.
    ///
    /// # Errors
    /// If it cannot be started, ends, or says nothing in time.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Error> {
        let begun = Instant::now();
        let mut child = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        // Reads on after the line it waits for: a server must not be held up by a full pipe.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut server =
            Self { child, address: ([127, 0, 0, 1], 0).into(), said: Vec::new(), ready_after: Duration::ZERO };
        loop {
            let left = READY_WITHIN.saturating_sub(begun.elapsed());
            let line = lines.recv_timeout(left).map_err(|_| format!("expected {READY:?} from {command:?}"))?;
            let Some(ready) = line.strip_prefix(READY) else {
                server.said.push(line);
                continue;
            };
            server.ready_after = begun.elapsed();
            let (address, path) = ready.trim().split_once('/').unwrap_or((ready.trim(), ""));
            server.address = address.parse()?;
            server.said.push(format!("/{path}"));
            return Ok(server);
        }
    }

    /// The process; `taskset` becomes the program it starts, so this is the server's own.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A script has children, which are in its group. If all are gone there is nothing to end.
        let _ =
            Command::new("kill").args(["-KILL", "--"]).arg(format!("-{}", self.pid())).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processes that have their core whenever they want it, ahead of whatever else runs on it (`SCHED_FIFO`), until this is
/// dropped. Takes a right (`CAP_SYS_NICE`): where it is not given they share as all do.
#[derive(Debug)]
pub(crate) struct Ahead<'p> {
    pids: &'p [u32],
    pub(crate) is_granted: bool,
}

impl<'p> Ahead<'p> {
    /// These processes.
    pub(crate) fn of_others(pids: &'p [u32]) -> Self {
        Self { pids, is_granted: class(pids, "--fifo", "1") }
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        class(self.pids, "--other", "0");
    }
}

/// Sets the scheduling class of all threads of these processes; `false` if it was refused.
fn class(pids: &[u32], class: &str, priority: &str) -> bool {
    pids.iter().all(|pid| {
        let mut command = Command::new("chrt");
        command.args(["--all-tasks", "--pid", class, priority]).arg(pid.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    })
}
