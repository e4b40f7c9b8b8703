//! Every way in which chaperone says no, or has to pass a no on.
//!
//! The set is closed: `mcp/fault.rs` answers each variant in one exhaustive table, so that a new refusal does
//! not compile until it has an answer. A refusal carries nothing secret; what of it may be shown to the caller is
//! decided in that table.

mod limited;
mod upstream;

use jiff::Timestamp;

use crate::budget::Bucket;
use crate::outcome::Exchange;

pub use limited::{Limited, Whose};
pub use upstream::{Applied, Remote, Trouble, UpstreamFault, UpstreamFaultKind};

/// Why a request or a call was not carried out, or not to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    // The HTTP plane.
    /// No MCP server has this token, or none is reachable under this path.
    UnknownServer,
    /// The MCP server is past its expiry.
    Expired {
        /// Its name, for the log.
        server: String,
        /// When it expired.
        at: Timestamp,
    },
    /// The MCP server asks for an API token and there was none, or a wrong one.
    ApiToken {
        /// Its name, for the log.
        server: String,
    },
    /// A browser's `Origin` that is not let in.
    Origin,
    /// Not the path of the MCP endpoint.
    UnknownPath,
    /// Not `POST`.
    HttpMethod,
    /// The request body is larger than `limits.max_body`.
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The request body did not arrive in time, or broke off.
    BodyIncomplete,
    /// `Content-Type` is something other than JSON.
    MediaType,
    /// More requests in flight than `limits.max_in_flight`.
    Overloaded,
    /// This process is going down.
    Draining,

    // JSON-RPC and MCP.
    /// The body is not JSON.
    Parse(String),
    /// JSON, but not one JSON-RPC 2.0 request.
    InvalidRequest(String),
    /// A method that this server does not have.
    MethodNotFound(String),
    /// Parameters that the method cannot take.
    InvalidParams(String),
    /// A routing header is missing, broken, or says something else than the body.
    HeaderMismatch(String),
    /// A protocol revision that is not spoken here.
    UnsupportedRevision(String),

    // The call plane.
    /// No such tool for this caller.
    UnknownTool {
        /// The name asked for.
        asked: String,
        /// The nearest name that this caller may use.
        nearest: Option<String>,
        /// The rule that hides the tool; `None` where the catalog has no such tool. For the log only.
        hidden_by: Option<String>,
    },
    /// The audit trail cannot be written, and `telemetry.audit.on_failure` is `deny`.
    AuditUnavailable,
    /// The arguments do not fit the tool.
    Arguments(Vec<Misfit>),
    /// A limit has no room for the call; nothing was sent.
    Limited(Box<Limited>),

    // The upstream.
    /// The upstream answered with an error.
    Remote(Box<Remote>),
    /// The upstream did not answer as it should.
    Upstream(Box<UpstreamFault>),

    /// A bug; the text is for the log only.
    Internal(String),
}

impl Refusal {
    /// The kind of refusal as a fixed word, for logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::UnknownServer => "unknown_server",
            Self::Expired { .. } => "expired",
            Self::ApiToken { .. } => "api_token",
            Self::Origin => "origin",
            Self::UnknownPath => "unknown_path",
            Self::HttpMethod => "http_method",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::MediaType => "media_type",
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
            Self::Parse(_) => "parse",
            Self::InvalidRequest(_) => "invalid_request",
            Self::MethodNotFound(_) => "method_not_found",
            Self::InvalidParams(_) => "invalid_params",
            Self::HeaderMismatch(_) => "header_mismatch",
            Self::UnsupportedRevision(_) => "unsupported_revision",
            Self::UnknownTool { .. } => "unknown_tool",
            Self::AuditUnavailable => "audit_unavailable",
            Self::Arguments(_) => "invalid_arguments",
            Self::Limited(_) => "rate_limited",
            Self::Remote(remote) => &remote.kind,
            Self::Upstream(fault) => fault.kind.word(),
            Self::Internal(_) => "internal",
        }
    }

    /// The JSON-RPC code of the answer; `None` where a call gets a tool result. `mcp/fault.rs` answers by the same.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        Some(match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) => -32600,
            Self::MethodNotFound(_) => -32601,
            Self::InvalidParams(_) | Self::UnknownTool { .. } => -32602,
            Self::Internal(_) => -32603,
            Self::HeaderMismatch(_) => -32020,
            Self::UnsupportedRevision(_) => -32022,
            _ => return None,
        })
    }

    /// The MCP server that turned a request away before it was read, where one was found; for the log.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        match self {
            Self::Expired { server, .. } | Self::ApiToken { server } => Some(server),
            _ => None,
        }
    }

    /// The one limit that has no room, here or at the upstream, where it is known.
    #[must_use]
    pub fn bucket(&self) -> Option<&Bucket> {
        match self {
            Self::Limited(limited) => Some(&limited.bucket),
            Self::Remote(remote) => remote.bucket.as_ref(),
            _ => None,
        }
    }

    /// What is known of limits after this, for the headers: of the one that refused, or else of all.
    #[must_use]
    pub fn limits(&self) -> Option<&Bucket> {
        match self {
            // All that is told of a refusal is told of the limit that refused.
            Self::Remote(remote) if remote.status == 429 => self.bucket(),
            _ => self.bucket().or_else(|| self.exchange()?.budget.nearest()),
        }
    }

    /// Seconds after which the same call can pass, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Limited(limited) => Some(limited.retry_after()),
            Self::Remote(remote) => remote.retry_after,
            Self::Upstream(fault) => fault.kind.retry_after(),
            _ => None,
        }
    }

    /// Tell of one more limit in the answer.
    pub fn add_bucket(&mut self, bucket: Bucket) {
        match self {
            Self::Remote(remote) => remote.exchange.budget.0.push(bucket),
            Self::Upstream(fault) => fault.exchange.budget.0.push(bucket),
            _ => {}
        }
    }

    /// What the upstream took before it came to this; `None` where nothing was asked of it.
    #[must_use]
    pub fn exchange(&self) -> Option<&Exchange> {
        match self {
            Self::Remote(remote) => Some(&remote.exchange),
            Self::Upstream(fault) => Some(&fault.exchange),
            _ => None,
        }
    }
}

/// What is wrong with one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The argument, as a path (`person_ids[0]`); empty where the fault is of the whole.
    pub argument: String,
    /// What is wrong and what was expected, for a model to mend.
    pub problem: String,
}
