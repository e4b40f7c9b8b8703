//! The call behind a request, for the layers of the REST plane.

use std::sync::Arc;

use tokio::time::Instant;

use super::line::Line;
use super::meter::Meter;
use crate::server::ServerKey;

/// What the layers have to know of the call behind a request; all requests of a call share it.
#[derive(Debug)]
pub(super) struct CallInfo {
    /// The MCP server that the call came to.
    pub(super) server: ServerKey,
    /// Does the call only read?
    pub(super) read_only: bool,
    /// When the call has to have its answer.
    pub(super) deadline: Instant,
    /// The line to the account.
    pub(super) line: Arc<Line>,
    /// Counts what the call takes.
    pub(super) meter: Meter,
}
