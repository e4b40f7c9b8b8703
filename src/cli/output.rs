//! What a command leaves behind: lines on stdout and stderr, and an exit code.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use crate::document::{Fault, Faults};

/// How a command ended; the numbers are those of BSD `sysexits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Fine = 0,
    /// Bad usage or configuration (`EX_USAGE`).
    Usage = 64,
    /// A needed service is not there: a port is taken, a store unreachable (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// A bug in chaperone (`EX_SOFTWARE`).
    Bug = 70,
    /// Interrupted (128 + SIGINT).
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Write a result to stdout.
pub(super) fn result(text: &str) -> Exit {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush()) {
        // Whoever closed the pipe has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            note(format_args!("error: the result cannot be written: {error}"));
            Exit::Unavailable
        }
        _ => Exit::Fine,
    }
}

/// Write a line for people to stderr.
pub(super) fn note(line: impl Display) {
    // Nothing more can be said where nothing can be written.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Write faults to stderr, a line each, and how many there are.
pub(super) fn refuse(faults: &Faults) -> Exit {
    for fault in &faults.0 {
        note(format_args!("error: {fault}"));
    }
    note(match faults.0.len() {
        1 => "1 fault".to_owned(),
        n => format!("{n} faults"),
    });
    Exit::Usage
}

/// A fault for a script.
pub(super) fn json(fault: &Fault) -> serde_json::Value {
    serde_json::json!({
        "file": &*fault.file,
        "line": fault.place.map(|place| place.line),
        "column": fault.place.map(|place| place.column),
        "key": fault.key,
        "message": fault.message,
    })
}
