//! Time series of calls that went well, found once and kept: what most calls are recorded in costs no look-up by labels.
//!
//! The series of a server live as long as its policy generation is the newest one; there is no label in them that the
//! set of servers and the catalog do not bound.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

use opentelemetry::metrics::{BoundCounter, BoundHistogram};

use super::finished::Finished;
use crate::server::Decision;

/// Most series that are kept; calls beyond are looked up by their labels.
const KEPT: usize = 10_000;

/// Which series a call is recorded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Where the server is in memory: within one generation that is as good as its name.
    server: usize,
    /// The tool's place in the catalog.
    tool: usize,
    /// The revision of MCP.
    revision: &'static str,
    /// The status of the one answer of the upstream; `None` where it was not asked.
    status: Option<u16>,
}

impl Key {
    /// The key of a call that was allowed and answered, by at most one answer of the account's own API.
    pub(super) fn of(finished: &Finished) -> Option<Self> {
        if finished.failure.is_some() {
            return None;
        }
        let Decision::Allowed { offer, .. } = finished.decided()? else { return None };
        let status = match &finished.exchange.attempts[..] {
            [] => None,
            [only] if only.elsewhere.is_none() => Some(only.status?),
            _ => return None,
        };
        let server = Arc::as_ptr(&finished.server).addr();
        Some(Self { server, tool: offer.index, revision: finished.origin.revision, status })
    }
}

/// The series of one kind of call.
#[derive(Debug)]
pub(super) struct Series {
    /// `mcp.server.operation.duration`.
    pub(super) operation: BoundHistogram<f64>,
    /// `chaperone.decisions`.
    pub(super) decisions: BoundCounter<u64>,
    /// `http.client.request.duration`, where the upstream was asked.
    pub(super) upstream: Option<BoundHistogram<f64>>,
}

/// The series that were found.
#[derive(Debug, Default)]
pub(super) struct Kept(RwLock<Generation>);

#[derive(Debug, Default)]
struct Generation {
    number: u64,
    series: HashMap<Key, Arc<Series>>,
}

impl Kept {
    /// The series of a call; found anew by `find` where it is not kept. `None` if it cannot be kept: the call is of a set
    /// of servers that is gone, or there are too many.
    pub(super) fn of(&self, generation: u64, key: Key, find: impl FnOnce() -> Series) -> Option<Arc<Series>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if kept.number == generation
            && let Some(series) = kept.series.get(&key)
        {
            return Some(series.clone());
        }
        drop(kept);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.number < generation {
            // Only now may what a server's address meant be forgotten, for its memory may be another's.
            *kept = Generation { number: generation, series: HashMap::new() };
        }
        let room = kept.number == generation && kept.series.len() < KEPT;
        room.then(|| kept.series.entry(key).or_insert_with(|| Arc::new(find())).clone())
    }
}
