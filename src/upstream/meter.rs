//! What one call took of its upstream, counted while it runs, so that it is known however the call ends.

use std::time::Duration;

use tokio::time::Instant;

use crate::outcome::{Attempt, Exchange, Progress};
use crate::trace::TraceParent;

/// Counts the requests of one call, concurrent ones included. A clone counts the same ones.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    started: Instant,
    progress: Progress,
}

impl Meter {
    /// Begin to count.
    pub(super) fn start(progress: Progress) -> Self {
        Self { started: Instant::now(), progress }
    }

    /// When counting began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// The request of this number has to wait for others before it can be sent.
    pub(super) fn queued(&self, index: usize) {
        self.with(|exchange| {
            exchange.requests -= 1;
            if let Some(attempt) = exchange.attempts.get_mut(index) {
                attempt.duration = Duration::ZERO;
            }
        });
    }

    /// The request of this number has waited so long: it is sent at this time, or given up.
    pub(super) fn dequeued(&self, index: usize, time: Duration, sent: Option<Instant>) {
        self.with(|exchange| {
            exchange.queued = exchange.queued.max(time);
            if let (Some(attempt), Some(begun)) = (exchange.attempts.get_mut(index), sent) {
                exchange.requests += 1;
                (attempt.begun, attempt.duration) = (begun.into_std(), Attempt::UNDER_WAY);
            }
        });
    }

    /// A request goes out, as a span below the call's, whose id it is given.
    pub(super) fn sent(&self, call: TraceParent, attempt: Attempt) -> Ticket<'_> {
        self.with(|exchange| {
            exchange.requests += 1;
            let index = exchange.attempts.len();
            let span_id = call.nth(index as u64);
            // Most calls are one request.
            exchange.attempts.reserve_exact(usize::from(index == 0));
            exchange.attempts.push(Attempt { span_id, ..attempt });
            Ticket { meter: self, index, span_id }
        })
    }

    /// The request of this number.
    pub(super) fn ticket(&self, index: usize) -> Ticket<'_> {
        Ticket { meter: self, index, span_id: 0 }
    }

    /// All that was counted; what is counted later belongs to nobody.
    pub(super) fn finish(&self, now: Instant) -> Exchange {
        let elapsed = now.saturating_duration_since(self.started);
        Exchange { elapsed, ..self.progress.finish(now.into_std()) }
    }

    fn with<T>(&self, count: impl FnOnce(&mut Exchange) -> T) -> T {
        self.progress.with(count)
    }
}

/// One request of a call: to tell how it fares.
#[derive(Clone, Copy)]
pub(super) struct Ticket<'m> {
    meter: &'m Meter,
    index: usize,
    span_id: u64,
}

impl Ticket<'_> {
    /// The number of the request.
    pub(super) fn index(self) -> usize {
        self.index
    }

    /// The id of its span.
    pub(super) fn span_id(self) -> u64 {
        self.span_id
    }

    /// It never left: there was no connection.
    pub(super) fn unsent(self, at: Instant) {
        self.meter.with(|exchange| {
            exchange.requests -= 1;
            self.last(exchange, at);
        });
    }

    /// The head of its answer was there at this time.
    pub(super) fn answered(self, status: u16, remaining: Option<u64>, at: Instant) {
        self.meter.with(|exchange| {
            exchange.status = Some(status);
            if let Some(attempt) = self.last(exchange, at) {
                (attempt.status, attempt.remaining) = (Some(status), remaining);
            }
        });
    }

    /// A piece of its body was there.
    pub(super) fn received(self, bytes: usize, at: Instant) {
        self.meter.with(|exchange| {
            exchange.received += bytes as u64;
            self.last(exchange, at);
        });
    }

    /// It is over, as far as is known now.
    pub(super) fn ended(self, at: Instant) {
        self.meter.with(|exchange| {
            self.last(exchange, at);
        });
    }

    /// This is the last that is known of it.
    fn last(self, exchange: &mut Exchange, at: Instant) -> Option<&mut Attempt> {
        let attempt = exchange.attempts.get_mut(self.index)?;
        attempt.duration = at.into_std().saturating_duration_since(attempt.begun);
        Some(attempt)
    }
}
