//! What one call took of its upstream, counted while it runs, so that it is known however the call ends.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::budget::Budget;
use crate::outcome::Exchange;

/// Counts the requests of one call, concurrent ones included. No lock is held across an await.
#[derive(Debug)]
pub(super) struct Meter {
    started: Instant,
    so_far: Mutex<Exchange>,
}

impl Meter {
    /// Begin to count.
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), so_far: Mutex::default() }
    }

    /// When counting began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// A request goes out.
    pub(super) fn sent(&self) {
        self.with(|exchange| exchange.requests += 1);
    }

    /// That request never left: there was no connection.
    pub(super) fn unsent(&self) {
        self.with(|exchange| exchange.requests -= 1);
    }

    /// A request waited this long for other calls of its account.
    pub(super) fn waited(&self, time: Duration) {
        self.with(|exchange| exchange.waited = exchange.waited.max(time));
    }

    /// A request is sent again.
    pub(super) fn resent(&self) {
        self.with(|exchange| exchange.resent += 1);
    }

    /// The head of an answer is there.
    pub(super) fn answered(&self, status: u16, budget: Budget) {
        self.with(|exchange| {
            exchange.status = Some(status);
            merge(&mut exchange.budget, budget);
        });
    }

    /// A piece of a body is there.
    pub(super) fn received(&self, bytes: usize) {
        self.with(|exchange| exchange.received += bytes as u64);
    }

    /// What answers said of limits so far.
    pub(super) fn budget(&self) -> Budget {
        self.with(|exchange| exchange.budget.clone())
    }

    /// All that was counted; what is counted later belongs to nobody.
    pub(super) fn finish(&self) -> Exchange {
        let elapsed = self.started.elapsed();
        let exchange = self.with(std::mem::take);
        Exchange { elapsed, ..exchange }
    }

    fn with<T>(&self, count: impl FnOnce(&mut Exchange) -> T) -> T {
        count(&mut self.so_far.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Of two answers that speak of one bucket, the one that saw less of it left is the later one.
fn merge(known: &mut Budget, new: Budget) {
    for bucket in new.0 {
        match known.0.iter_mut().find(|old| old.scope == bucket.scope) {
            Some(old) if bucket.remaining < old.remaining => *old = bucket,
            Some(_) => {}
            None => known.0.push(bucket),
        }
    }
}
