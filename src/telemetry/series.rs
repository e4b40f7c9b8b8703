//! Time series of calls that went well, found once and kept: what most calls are recorded in costs no look-up by labels.
//!
//! Only decisions are counted by server, and each server has its own place for that. Everything else is shared by all
//! servers, so that what is kept does not grow with servers times tools. Series live as long as their policy generation
//! is the newest one; there is no label in them that the set of servers and the catalog do not bound.
//!
//! What is recorded waits in them until it is read ([`Kept::tell`]), see `tally`.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::Method;
use opentelemetry::metrics::{BoundCounter, BoundHistogram};

use super::finished::Finished;
use super::tally::{Count, Tally};
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
    operations: Operations,
    /// The tool's place in its integration.
    tool: usize,
    /// The one request to the upstream; `None` where it was not asked.
    request: Option<Request>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Operations {
    /// Where the integration is in memory: within one generation that is as good as its name.
    integration: usize,
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
        let operations = Operations { integration, revision: finished.origin.revision };
        Some(Self { server: server.ordinal, operations, tool: offer.index, request })
    }
}

/// The series of one kind of call, found by their labels.
#[derive(Debug)]
pub(super) struct Found {
    /// `mcp.server.operation.duration`.
    pub(super) operation: BoundHistogram<f64>,
    /// `chaperone.decisions`.
    pub(super) decisions: BoundCounter<u64>,
    /// `http.client.request.duration`, where the upstream was asked.
    pub(super) request: Option<BoundHistogram<f64>>,
}

/// What a call took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    /// The whole call.
    pub(super) operation: Duration,
    /// Its one request to the upstream.
    pub(super) request: Option<Duration>,
}

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

/// The series that were found. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(Arc<RwLock<Generation>>);

#[derive(Debug, Default)]
struct Generation {
    number: u64,
    operations: HashMap<Operations, Vec<Option<Tally>>, QuickHash>,
    requests: HashMap<Request, Tally, QuickHash>,
    /// By the server's place.
    decisions: Vec<Option<Count>>,
}

impl Kept {
    /// Record a call of this generation in its series; they are found by `find` where they are not kept. `false` if they
    /// cannot be kept and nothing was recorded: the call is of a set of servers that is gone, or there are too many.
    pub(super) fn record(&self, generation: u64, key: &Key, took: Took, find: impl FnOnce() -> Found) -> bool {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if kept.number == generation && kept.record(key, took).is_some() {
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
        kept.record(key, took).is_some()
    }

    /// Tell the metrics what waits: before they are read.
    pub(super) fn tell(&self) {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.operations.values().flatten().flatten().chain(kept.requests.values()).for_each(Tally::tell);
        kept.decisions.iter().flatten().for_each(Count::tell);
    }
}

impl Generation {
    /// `None` if a series is missing, and then nothing was recorded.
    fn record(&self, key: &Key, took: Took) -> Option<()> {
        let request = match &key.request {
            Some(request) => Some(self.requests.get(request)?),
            None => None,
        };
        let decisions = self.decisions.get(key.server)?.as_ref()?;
        self.operations.get(&key.operations)?.get(key.tool)?.as_ref()?.record(took.operation);
        decisions.waiting.fetch_add(1, Ordering::Relaxed);
        if let (Some(request), Some(took)) = (request, took.request) {
            request.record(took);
        }
        Some(())
    }

    fn keep(&mut self, key: &Key, found: Found) {
        let operations = self.operations.entry(key.operations.clone()).or_default();
        at(operations, key.tool).get_or_insert_with(|| Tally::of(found.operation));
        if let (Some(request), Some(series)) = (&key.request, found.request) {
            self.requests.entry(request.clone()).or_insert_with(|| Tally::of(series));
        }
        let decisions = Count { counter: found.decisions, waiting: AtomicU64::new(0) };
        at(&mut self.decisions, key.server).get_or_insert(decisions);
    }
}

fn at<T>(list: &mut Vec<Option<T>>, place: usize) -> &mut Option<T> {
    if list.len() <= place {
        list.resize_with(place + 1, || None);
    }
    &mut list[place]
}
