//! The processes of a run: started on a core, awaited, and gone when the run is over.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::{Error, machine};

/// What a server says on stdout when it is ready; chaperone says the same.
const READY: &str = "listening on http://";
/// Far beyond any start.
const READY_WITHIN: Duration = Duration::from_secs(10);

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

/// A server that listens; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
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
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let (found, address) = mpsc::channel();
        // Reads on after the line it waits for: a server must not be held up by a full pipe.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix(READY) {
                    let _ = found.send(address.trim().parse::<SocketAddr>());
                }
            }
        });
        let address = address.recv_timeout(READY_WITHIN);
        let mut server = Self { child, address: ([127, 0, 0, 1], 0).into(), ready_after: begun.elapsed() };
        server.address = address.map_err(|_| format!("expected {READY:?} from {command:?}"))??;
        Ok(server)
    }

    /// The process; `taskset` becomes the program it starts, so this is the server's own.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it is gone already there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says that this process listens on `address`.
pub(crate) fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{READY}{address}")?;
    stdout.flush()
}
