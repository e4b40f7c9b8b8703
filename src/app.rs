//! The composition root.

pub mod assemble;
pub mod reload;

use std::net::SocketAddr;

use crate::document::Faults;

/// What `chaperone demo` is told.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// Where MCP traffic arrives.
    pub listen: SocketAddr,
}

/// Why a long-running command ended, if not because it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration, or something that it names, is at fault.
    #[error("{0}")]
    Faulty(#[from] Faults),
    /// A needed service is not there.
    #[error("{0}")]
    Unavailable(String),
    /// A bug.
    #[error("{0}")]
    Bug(String),
    /// Ended by a second signal.
    #[error("interrupted")]
    Interrupted,
}

/// Serve until told to end.
///
/// # Errors
/// Why it could not.
pub fn serve(sources: &assemble::Sources) -> Result<(), Failure> {
    assemble::assemble(sources, 1)?;
    Err(Failure::Bug("`serve` is not wired yet".into()))
}

/// Serve the sandbox and two MCP servers.
///
/// # Errors
/// Why it could not.
pub fn demo(demo: Demo) -> Result<(), Failure> {
    let _ = demo;
    Err(Failure::Bug("`demo` is not wired yet".into()))
}
