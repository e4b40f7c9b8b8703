//! What an upstream answered or did that ended a call.

use std::{fmt, time::Duration};

use crate::budget::Bucket;
use crate::outcome::Exchange;

/// An error that the upstream answered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Remote {
    /// HTTP status.
    pub status: u16,
    /// What kind it is, by the catalog: `rate_limited`, `not_found`, `forbidden`, …
    pub kind: String,
    /// The upstream's own words.
    pub message: String,
    /// What the caller can do about it, by the catalog.
    pub hint: Option<String>,
    /// The upstream's body, cut to a readable size and freed of the credential: JSON, or a string.
    pub raw: Option<serde_json::Value>,
    /// Seconds to wait before the same call can succeed.
    pub retry_after: Option<u64>,
    /// The limit that refused, where the upstream answered 429 and said.
    pub bucket: Option<Bucket>,
    /// Did a write go out?
    pub write: bool,
    /// What it took.
    pub exchange: Exchange,
}

/// The upstream did not give a usable answer.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamFault {
    /// How it failed.
    pub kind: UpstreamFaultKind,
    /// For the log: what happened, without secret or argument.
    pub detail: String,
    /// What became of a write.
    pub applied: Applied,
    /// What it took.
    pub exchange: Exchange,
}

/// How the upstream failed; the names are the `error` words of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFaultKind {
    /// No connection: `upstream_unreachable`.
    Unreachable,
    /// No answer within the call's time: `upstream_timeout`.
    Timeout(Duration),
    /// The answer broke off, or is not what the catalog says: `upstream_incomplete`.
    Incomplete,
    /// The answer is larger than `upstream.max_response` bytes: `upstream_too_large`.
    TooLarge(usize),
    /// Too many calls wait for the account, the upstream was not asked: `overloaded`.
    Overloaded {
        /// Requests that wait.
        waiting: usize,
    },
    /// The upstream keeps failing and is not asked for now: `upstream_unavailable`.
    Unavailable {
        /// What went wrong at last.
        trouble: Trouble,
        /// Seconds until it may be asked again.
        retry_after: u64,
        /// Would a call that only reads have been sent?
        reads_pass: bool,
    },
}

/// How an upstream failed that keeps failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection.
    Unreachable,
    /// No whole answer within the call's time.
    Timeout,
    /// The answer broke off.
    Incomplete,
    /// This HTTP status of 5xx.
    Status(u16),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("it cannot be reached"),
            Self::Timeout => f.write_str("it gave no answer in time"),
            Self::Incomplete => f.write_str("its answer broke off"),
            Self::Status(status) => write!(f, "it answered with status {status}"),
        }
    }
}

/// What is known of the effect of a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The call only reads.
    ReadOnly,
    /// A write that never left: nothing was changed.
    No,
    /// A write that was sent, and nobody knows.
    Maybe,
}

impl UpstreamFaultKind {
    /// The `error` word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "upstream_unreachable",
            Self::Timeout(_) => "upstream_timeout",
            Self::Incomplete => "upstream_incomplete",
            Self::TooLarge(_) => "upstream_too_large",
            Self::Overloaded { .. } => "overloaded",
            Self::Unavailable { .. } => "upstream_unavailable",
        }
    }

    /// Was the call refused here, and the upstream not asked?
    #[must_use]
    pub fn is_local(self) -> bool {
        matches!(self, Self::Overloaded { .. } | Self::Unavailable { .. })
    }

    /// Seconds to wait before the call can succeed, where that is known.
    #[must_use]
    pub fn retry_after(self) -> Option<u64> {
        match self {
            // A queue moves on with every answer: whoever comes back after a second finds another one.
            Self::Overloaded { .. } => Some(1),
            Self::Unavailable { retry_after, .. } => Some(retry_after),
            Self::Unreachable | Self::Timeout(_) | Self::Incomplete | Self::TooLarge(_) => None,
        }
    }
}
