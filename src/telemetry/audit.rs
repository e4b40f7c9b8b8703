//! The audit trail: a file of its own to which every call adds one line of JSON, denied ones too.
//!
//! Lines are written by a thread of its own, so that no call waits for a disk; each batch is on the disk (`fdatasync`)
//! before the next one is begun. With `on_failure: deny` a call is let in only if the file works and there is room for
//! its line; with `allow` a line that has no room is lost and counted. A line that could not be written is tried again
//! until it is.

mod file;
mod line;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use super::finished::Finished;
use file::File;

/// Lines that wait at most.
const ROOM: usize = 4096;

/// Lines written at once.
const BATCH: usize = 256;

/// Pause before a file that failed is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// What the audit trail is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file (`telemetry.audit.file`).
    pub file: PathBuf,
    /// Bytes after which it is put aside as `.1` (`telemetry.audit.max_size`).
    pub max_size: u64,
    /// How many put aside are kept (`telemetry.audit.keep`).
    pub keep: u32,
    /// What happens to calls while it cannot be written (`telemetry.audit.on_failure`).
    pub on_failure: OnFailure,
}

/// What happens to calls while the audit trail cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// They go on, and their lines may be lost.
    Allow,
    /// They are refused.
    Deny,
}

/// Takes lines.
#[derive(Clone)]
pub struct Audit(Arc<Shared>);

struct Shared {
    on_failure: OnFailure,
    lines: mpsc::Sender<Message>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    failing: AtomicBool,
    ending: AtomicBool,
    written: AtomicU64,
    lost: AtomicU64,
    faults: AtomicU64,
}

enum Message {
    Line(Box<Finished>),
    End,
}

/// Room for the line of one call.
pub struct Permit(mpsc::OwnedPermit<Message>);

/// There is no room for the line, or the file does not work.
#[derive(Debug)]
pub struct Refused;

/// How the audit trail fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Does the file fail at the moment?
    pub failing: bool,
    /// Lines written.
    pub written: u64,
    /// Lines lost.
    pub lost: u64,
    /// Attempts to write that failed.
    pub faults: u64,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Audit").field(&self.fate()).finish()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

impl Audit {
    /// Open the file and begin to take lines. The second part comes back when the last one is written.
    ///
    /// # Errors
    /// The file cannot be opened for appending, or there is no thread to be had.
    pub fn open(config: &Config) -> io::Result<(Self, oneshot::Receiver<()>)> {
        Self::with_room(config, ROOM)
    }

    fn with_room(config: &Config, room: usize) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let file = File::open(config)?;
        let (lines, taken) = mpsc::channel(room);
        let (tell, ended) = oneshot::channel();
        let state = Arc::new(State::default());
        let writer = Writer { file, taken, state: state.clone() };
        thread::Builder::new().name("audit".into()).spawn(move || {
            writer.run();
            // Nobody may be waiting any more.
            let _ = tell.send(());
        })?;
        Ok((Self(Arc::new(Shared { on_failure: config.on_failure, lines, state })), ended))
    }

    /// May a call come in? With `on_failure: deny`, room for its line is set aside.
    ///
    /// # Errors
    /// The call must be refused.
    pub fn admit(&self) -> Result<Option<Permit>, Refused> {
        if self.0.on_failure == OnFailure::Allow {
            return Ok(None);
        }
        if self.0.state.failing.load(Ordering::Acquire) {
            return Err(Refused);
        }
        self.0.lines.clone().try_reserve_owned().map(|permit| Some(Permit(permit))).map_err(|_| Refused)
    }

    /// Write the line of a call. Never waits.
    pub fn put(&self, permit: Option<Permit>, finished: Box<Finished>) {
        match permit {
            Some(Permit(permit)) => drop(permit.send(Message::Line(finished))),
            None => {
                if self.0.lines.try_send(Message::Line(finished)).is_err() {
                    self.0.state.lost.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Write what is there and end: what cannot be written now is lost.
    pub async fn close(&self) {
        self.0.state.ending.store(true, Ordering::Release);
        // A writer that is gone needs no telling.
        let _ = self.0.lines.send(Message::End).await;
    }

    /// How it fares.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let State { failing, written, lost, faults, .. } = &*self.0.state;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let failing = failing.load(Ordering::Acquire);
        Fate { failing, written: read(written), lost: read(lost), faults: read(faults) }
    }
}

/// The thread that writes.
struct Writer {
    file: File,
    taken: mpsc::Receiver<Message>,
    state: Arc<State>,
}

impl Writer {
    fn run(mut self) {
        let mut ended = false;
        while !ended {
            let Some(first) = self.taken.blocking_recv() else { return };
            let mut lines = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Line(finished) => lines.push(line::of(&finished)),
                    Message::End => ended = true,
                }
                next = if lines.len() < BATCH { self.taken.try_recv().ok() } else { None };
            }
            self.write(lines);
        }
    }

    /// Write these lines, as long as it takes.
    fn write(&mut self, mut lines: Vec<String>) {
        while !lines.is_empty() {
            let before = lines.len();
            let result = self.file.append(&mut lines);
            self.state.written.fetch_add((before - lines.len()) as u64, Ordering::Relaxed);
            let failed = result.is_err();
            let was = self.state.failing.swap(failed, Ordering::AcqRel);
            match result {
                Ok(()) if was => tracing::info!("the audit file works again"),
                Ok(()) => {}
                Err(error) => {
                    self.state.faults.fetch_add(1, Ordering::Relaxed);
                    if !was {
                        tracing::error!(%error, "the audit file cannot be written");
                    }
                    if self.state.ending.load(Ordering::Acquire) {
                        self.state.lost.fetch_add(lines.len() as u64, Ordering::Relaxed);
                        return;
                    }
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}
