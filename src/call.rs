//! One tool call on its way through the call plane: what policies see, and all they see.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::catalog::{arguments::Checked, offer::Offer};
use crate::outcome::Progress;
use crate::refusal::Refusal;
use crate::server::Server;
use crate::trace::TraceParent;

/// A tool call.
#[derive(Debug)]
pub struct Call {
    /// The MCP server it came to.
    pub server: Arc<Server>,
    /// Who calls.
    pub caller: Caller,
    /// The tool asked for, as the caller wrote it.
    pub asked: Arc<str>,
    /// Where the catalog has that tool, as [`Server::place`] says; `None` if it has none.
    pub place: Option<usize>,
    /// The arguments.
    pub arguments: Arguments,
    /// The tool, once `policy/authorize` has granted it.
    pub granted: Option<Offer>,
    /// The wall clock when the call came in.
    pub now: Timestamp,
    /// When an answer must be there.
    pub deadline: Instant,
    /// The trace this call belongs to; a fresh one if the caller named none.
    pub trace: TraceParent,
    /// What the upstream has done for it so far.
    pub progress: Progress,
    /// What surrounded the request; only telemetry looks at it.
    pub origin: Origin,
}

/// What telemetry tells of the request that a call came in with. No policy looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Id of the caller's span.
    pub parent: Option<u64>,
    /// The trace of the HTTP header, where the message names another one.
    pub link: Option<TraceParent>,
    /// The id of the request as text, cut; empty where there is none.
    pub request_id: Arc<str>,
    /// The revision of MCP.
    pub revision: &'static str,
    /// The version of HTTP (`1.1`, `2`).
    pub http: &'static str,
}

/// Who calls.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Name of the API token presented, where the server asks for one.
    pub api_token: Option<Arc<str>>,
    /// Name of the client, as it says itself.
    pub client: Option<Arc<str>>,
    /// Version of the client, as it says itself.
    pub client_version: Option<Arc<str>>,
}

/// The arguments of a call.
#[derive(Debug)]
pub enum Arguments {
    /// As the caller sent them, a JSON text; `None` if it sent none.
    Raw(Option<Box<str>>),
    /// Converted, checked and with defaults, once `policy/arguments` has seen them.
    Checked(Checked),
}

impl Call {
    /// The tool that was granted.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if nobody authorized the call: without a grant nothing goes out.
    pub fn grant(&self) -> Result<&Offer, Refusal> {
        self.granted.as_ref().ok_or_else(|| Refusal::Internal("a call reached this layer without a grant".into()))
    }

    /// The arguments after they were checked.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if nobody checked them: unchecked arguments never go out.
    pub fn checked(&self) -> Result<&Checked, Refusal> {
        match &self.arguments {
            Arguments::Checked(checked) => Ok(checked),
            Arguments::Raw(_) => Err(Refusal::Internal("a call reached this layer with unchecked arguments".into())),
        }
    }
}
