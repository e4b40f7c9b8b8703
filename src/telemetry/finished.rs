//! One request that is over, with everything that is told of it: made once, read by the log, the audit file, the spans
//! and the metrics.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::fit::fit_shared;
use crate::budget::Bucket;
use crate::call::{Caller, Origin};
use crate::outcome::Exchange;
use crate::refusal::Refusal;
use crate::server::{Decision, Server};
use crate::trace::TraceParent;

/// What stands in place of a method or a tool that is not known here, so that no caller makes new time series.
pub const OTHER: &str = "_OTHER";

/// A request that is over.
#[derive(Debug)]
pub struct Finished {
    /// The MCP server it came to.
    pub server: Arc<Server>,
    /// Who asked.
    pub caller: Caller,
    /// What surrounded the request.
    pub origin: Origin,
    /// Its place in its trace.
    pub trace: TraceParent,
    /// The method of MCP, or [`OTHER`].
    pub method: &'static str,
    /// `tools/call`: the tool.
    pub asked: Option<Asked>,
    /// When it began, by the wall clock.
    pub begun_at: SystemTime,
    /// When it began.
    pub begun: Instant,
    /// How long it took.
    pub duration: Duration,
    /// Why it failed or was refused.
    pub failure: Option<Failure>,
    /// What the upstream did for it.
    pub exchange: Arc<Exchange>,
    /// What of its content may be told.
    pub captured: Captured,
}

/// A request other than a call that is over: as much of it as is told whoever listens.
#[derive(Debug)]
pub struct Answered {
    /// The method of MCP, or [`OTHER`].
    pub method: &'static str,
    /// The revision of MCP.
    pub revision: &'static str,
    /// How long it took.
    pub duration: Duration,
    /// Why it was refused.
    pub failure: Option<Failure>,
}

/// The tool that a caller asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    name: Arc<str>,
    place: Option<usize>,
}

/// Why a request failed or was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind as a fixed word.
    pub kind: String,
    /// The code of its JSON-RPC error; `None` where the answer was a tool result, or nobody got one.
    pub code: Option<i32>,
    /// Was the answer a tool result with `isError`?
    pub tool_error: bool,
    /// How many arguments did not fit.
    pub misfits: usize,
    /// What had no room, where a limit refused.
    pub limit: Limit,
}

/// What is told of a limit that had no room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// The rule, where the limit is one of ours.
    pub rule: Option<String>,
    /// The bucket, where it is known.
    pub bucket: Option<Bucket>,
    /// Seconds after which it has room again.
    pub retry_after: Option<u64>,
}

/// What `telemetry.capture` asks for, masked and cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The arguments as JSON.
    pub arguments: Option<String>,
    /// The result as JSON.
    pub result: Option<String>,
}

impl Asked {
    /// The tool of this name, by the caller's own word, and its place in the catalog.
    #[must_use]
    pub fn new(asked: &Arc<str>, place: Option<usize>) -> Self {
        Self { name: fit_shared(asked), place }
    }

    /// As the caller wrote it, fit for a log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Failure {
    /// The failure that a refusal is.
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        let code = refusal.code();
        let misfits = if let Refusal::Arguments(misfits) = refusal { misfits.len() } else { 0 };
        let rule = if let Refusal::Limited(limited) = refusal { Some(limited.rule.clone()) } else { None };
        let limit = Limit { rule, bucket: refusal.bucket().cloned(), retry_after: refusal.retry_after() };
        Self { kind: refusal.kind().to_owned(), code, tool_error: code.is_none(), misfits, limit }
    }

    /// A tool whose answer is itself an error, as the catalog gives it.
    #[must_use]
    pub fn of_tool() -> Self {
        Self { kind: "tool_error".into(), code: None, tool_error: true, misfits: 0, limit: Limit::default() }
    }

    /// A call that nobody answered: `cancelled`, or `internal` after a panic.
    #[must_use]
    pub fn unanswered(kind: &str) -> Self {
        Self { kind: kind.to_owned(), code: None, tool_error: false, misfits: 0, limit: Limit::default() }
    }

    /// `error.type` of the semantic conventions for MCP.
    #[must_use]
    pub fn error_type(&self) -> String {
        match self.code {
            Some(code) => code.to_string(),
            None if self.tool_error => "tool_error".into(),
            None => self.kind.clone(),
        }
    }
}

impl Finished {
    /// What was decided of the tool, and by which rule; `None` for other methods.
    #[must_use]
    pub fn decision(&self) -> Option<(Verdict, &str)> {
        let decided = self.decided()?;
        if let Some(rule) = self.failure.as_ref().and_then(|failure| failure.limit.rule.as_deref()) {
            return Some((Verdict::Deny, rule));
        }
        Some(match decided {
            Decision::Allowed { rule, .. } => (Verdict::Allow, rule),
            Decision::Hidden { rule } => (Verdict::Deny, rule),
            Decision::Unknown => (Verdict::Deny, "no such tool"),
        })
    }

    /// The tool, if the catalog knows it.
    #[must_use]
    pub fn tool(&self) -> Option<&str> {
        let asked = self.asked.as_ref()?;
        asked.place.map(|_| asked.name())
    }

    /// What the server says of the tool; `None` for other methods.
    pub(super) fn decided(&self) -> Option<Decision<'_>> {
        self.asked.as_ref().map(|asked| self.server.decision(asked.place))
    }

    /// Is it traced?
    #[must_use]
    pub fn sampled(&self) -> bool {
        self.trace.flags & 1 == 1 || self.failure.is_some()
    }

    /// The wall clock at a moment of this request.
    #[must_use]
    pub fn at(&self, moment: Instant) -> SystemTime {
        self.begun_at + moment.saturating_duration_since(self.begun)
    }

    /// Time that chaperone took itself: the whole but for waiting on the upstream.
    #[must_use]
    pub fn added(&self) -> Duration {
        self.duration.saturating_sub(self.exchange.waited)
    }
}

/// What a policy said of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be called.
    Allow,
    /// It may not, or it does not exist.
    Deny,
}

impl Verdict {
    /// The word in logs, spans and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}
