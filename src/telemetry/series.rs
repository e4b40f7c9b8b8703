//! Time series of calls that went well, found once and kept: what most calls are recorded in costs no look-up by labels.
//!
//! Only decisions are counted by server, and each server has its own place for that. Everything else is shared by all
//! servers, so that what is kept does not grow with servers times tools. Series live as long as their policy generation
//! is the newest one; there is no label in them that the set of servers and the catalog do not bound.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use http::Method;
use opentelemetry::metrics::{BoundCounter, BoundHistogram};

use super::finished::Finished;
use crate::hash::QuickHash;
use crate::server::Decision;

/// Most series of requests that are kept: what statuses there are is the upstream's to say. Calls beyond are looked up
/// by their labels.
const KEPT: usize = 10_000;

/// Which series a call is recorded in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The server's place in its generation. All that a server allows is allowed by one kind of rule.
    server: usize,
    operation: Operation,
    /// The one request to the upstream; `None` where it was not asked.
    request: Option<Request>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Operation {
    /// Where the integration is in memory: within one generation that is as good as its name.
    integration: usize,
    /// The tool's place in it.
    tool: usize,
    /// The revision of MCP.
    revision: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    /// Where the account is in memory, likewise.
    account: usize,
    method: Method,
    status: u16,
}

impl Key {
    /// The key of a call that was allowed and answered, by at most one answer of the account's own API.
    pub(super) fn of(finished: &Finished) -> Option<Self> {
        if finished.failure.is_some() {
            return None;
        }
        let server = &finished.server;
        let Decision::Allowed { offer, .. } = finished.decided()? else { return None };
        let request = match &finished.exchange.attempts[..] {
            [] => None,
            [only] if only.elsewhere.is_none() => Some(Request {
                account: Arc::as_ptr(&server.account).addr(),
                method: only.method.clone(),
                status: only.status?,
            }),
            _ => return None,
        };
        let integration = Arc::as_ptr(&offer.integration).addr();
        let operation = Operation { integration, tool: offer.index, revision: finished.origin.revision };
        Some(Self { server: server.ordinal, operation, request })
    }
}

/// The series of one kind of call.
#[derive(Debug)]
pub(super) struct Series<H, C> {
    /// `mcp.server.operation.duration`.
    pub(super) operation: H,
    /// `chaperone.decisions`.
    pub(super) decisions: C,
    /// `http.client.request.duration`, where the upstream was asked.
    pub(super) request: Option<H>,
}

/// Series that were found by their labels.
pub(super) type Found = Series<BoundHistogram<f64>, BoundCounter<u64>>;

/// Series that are kept.
pub(super) type Shared<'k> = Series<&'k BoundHistogram<f64>, &'k BoundCounter<u64>>;

/// Series of requests other than calls that were answered, by method and revision. Both are of those known here, and so
/// few that they are gone through one by one.
#[derive(Debug, Default)]
pub(super) struct Answers(RwLock<Vec<(Answer, BoundHistogram<f64>)>>);

type Answer = (&'static str, &'static str);

impl Answers {
    /// Record in the series of an answer how long it took; the series is found by `find` where it is not kept.
    pub(super) fn record(&self, answer: Answer, seconds: f64, find: impl FnOnce() -> BoundHistogram<f64>) {
        let series_of = |kept: &[(Answer, BoundHistogram<f64>)]| kept.iter().position(|(of, _)| *of == answer);
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = series_of(&kept) {
            return kept[place].1.record(seconds);
        }
        drop(kept);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let place = series_of(&kept).unwrap_or_else(|| {
            kept.push((answer, find()));
            kept.len() - 1
        });
        kept[place].1.record(seconds);
    }
}

/// The series that were found.
#[derive(Debug, Default)]
pub(super) struct Kept(RwLock<Generation>);

#[derive(Debug, Default)]
struct Generation {
    number: u64,
    operations: HashMap<Operation, BoundHistogram<f64>, QuickHash>,
    requests: HashMap<Request, BoundHistogram<f64>, QuickHash>,
    /// By the server's place.
    decisions: Vec<Option<BoundCounter<u64>>>,
}

impl Kept {
    /// Record a call of this generation in its series; they are found by `find` where they are not kept. `false` if they
    /// cannot be kept and nothing was recorded: the call is of a set of servers that is gone, or there are too many.
    pub(super) fn record(
        &self,
        generation: u64,
        key: &Key,
        find: impl FnOnce() -> Found,
        record: impl FnOnce(&Shared<'_>),
    ) -> bool {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if kept.number == generation
            && let Some(series) = kept.of(key)
        {
            record(&series);
            return true;
        }
        drop(kept);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.number < generation {
            // Only now may what an address meant be forgotten, for its memory may be another's.
            *kept = Generation { number: generation, ..Generation::default() };
        }
        if kept.number != generation || kept.requests.len() >= KEPT {
            return false;
        }
        kept.keep(key, find());
        kept.of(key).is_some_and(|series| {
            record(&series);
            true
        })
    }
}

impl Generation {
    fn of(&self, key: &Key) -> Option<Shared<'_>> {
        let request = match &key.request {
            Some(request) => Some(self.requests.get(request)?),
            None => None,
        };
        let decisions = self.decisions.get(key.server)?.as_ref()?;
        Some(Series { operation: self.operations.get(&key.operation)?, decisions, request })
    }

    fn keep(&mut self, key: &Key, found: Found) {
        self.operations.entry(key.operation.clone()).or_insert(found.operation);
        if let (Some(request), Some(series)) = (&key.request, found.request) {
            self.requests.entry(request.clone()).or_insert(series);
        }
        if self.decisions.len() <= key.server {
            self.decisions.resize_with(key.server + 1, || None);
        }
        self.decisions[key.server].get_or_insert(found.decisions);
    }
}
