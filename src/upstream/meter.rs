//! What one call took of its upstream, counted while it runs, so that it is known however the call ends.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::outcome::Exchange;

/// Counts the requests of one call, concurrent ones included. No lock is held across an await.
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

    /// The head of an answer is there.
    pub(super) fn answered(&self, status: u16) {
        self.with(|exchange| exchange.status = Some(status));
    }

    /// A piece of a body is there.
    pub(super) fn received(&self, bytes: usize) {
        self.with(|exchange| exchange.received += bytes as u64);
    }

    /// All that was counted.
    pub(super) fn finish(self) -> Exchange {
        let elapsed = self.started.elapsed();
        let exchange = self.so_far.into_inner().unwrap_or_else(PoisonError::into_inner);
        Exchange { elapsed, ..exchange }
    }

    fn with<T>(&self, count: impl FnOnce(&mut Exchange) -> T) -> T {
        count(&mut self.so_far.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
