//! What one call took of its upstream, counted while it runs, so that it is known however the call ends.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::plane::Destination;
use crate::budget::Budget;
use crate::outcome::{Attempt, Exchange};
use crate::trace::TraceParent;

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

    /// A request goes out, as a span below the call's.
    pub(super) fn sent<B>(&self, http: &http::Request<B>, destination: Destination, call: TraceParent) -> Ticket<'_> {
        let elsewhere = (destination == Destination::Elsewhere).then(|| address(http.uri()));
        self.with(|exchange| {
            exchange.requests += 1;
            let index = exchange.attempts.len();
            let span_id = call.nth(index as u64);
            exchange.attempts.push(Attempt {
                span_id,
                method: http.method().clone(),
                elsewhere,
                resend: 0,
                status: None,
                remaining: None,
                begun: Instant::now().into_std(),
                // Until it is known how it ended.
                duration: Duration::MAX,
            });
            Ticket { meter: self, index, span_id }
        })
    }

    /// The request of this number.
    pub(super) fn ticket(&self, index: usize) -> Ticket<'_> {
        Ticket { meter: self, index, span_id: 0 }
    }

    /// What answers said of limits so far.
    pub(super) fn budget(&self) -> Budget {
        self.with(|exchange| exchange.budget.clone())
    }

    /// All that was counted.
    pub(super) fn finish(self) -> Exchange {
        let (now, elapsed) = (Instant::now().into_std(), self.started.elapsed());
        let mut exchange = self.so_far.into_inner().unwrap_or_else(PoisonError::into_inner);
        for attempt in exchange.attempts.iter_mut().filter(|attempt| attempt.duration == Duration::MAX) {
            attempt.duration = now.saturating_duration_since(attempt.begun);
        }
        Exchange { elapsed, waited: waited(&exchange.attempts), ..exchange }
    }

    fn with<T>(&self, count: impl FnOnce(&mut Exchange) -> T) -> T {
        count(&mut self.so_far.lock().unwrap_or_else(PoisonError::into_inner))
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
    pub(super) fn unsent(self) {
        self.meter.with(|exchange| exchange.requests -= 1);
        self.ended();
    }

    /// The head of its answer is there.
    pub(super) fn answered(self, status: u16, budget: Budget) {
        let remaining = budget.nearest().map(|bucket| bucket.remaining);
        self.meter.with(|exchange| {
            exchange.status = Some(status);
            if let Some(attempt) = exchange.attempts.get_mut(self.index) {
                (attempt.status, attempt.remaining) = (Some(status), remaining);
                attempt.duration = attempt.begun.elapsed();
            }
            merge(&mut exchange.budget, budget);
        });
    }

    /// A piece of its body is there.
    pub(super) fn received(self, bytes: usize) {
        self.meter.with(|exchange| exchange.received += bytes as u64);
        self.ended();
    }

    /// It is over, as far as is known now.
    pub(super) fn ended(self) {
        self.meter.with(|exchange| {
            if let Some(attempt) = exchange.attempts.get_mut(self.index) {
                attempt.duration = attempt.begun.elapsed();
            }
        });
    }
}

/// Where a URL leads.
fn address(uri: &http::Uri) -> (String, u16) {
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    (uri.host().unwrap_or_default().to_owned(), port)
}

/// The time in which at least one of them was under way; they stand in the order in which they began.
fn waited(attempts: &[Attempt]) -> Duration {
    let mut total = Duration::ZERO;
    let mut covered = None;
    for attempt in attempts {
        let end = attempt.begun + attempt.duration;
        let begun = covered.map_or(attempt.begun, |covered| attempt.begun.max(covered));
        total += end.saturating_duration_since(begun);
        covered = Some(covered.map_or(end, |covered| end.max(covered)));
    }
    total
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_several_requests_are_under_way_counts_once() {
        let start = std::time::Instant::now();
        let attempt = |begun: u64, duration: u64| Attempt {
            span_id: 1,
            method: http::Method::GET,
            elsewhere: None,
            resend: 0,
            status: None,
            remaining: None,
            begun: start + Duration::from_millis(begun),
            duration: Duration::from_millis(duration),
        };
        for (attempts, expected) in [
            (&[][..], 0),
            (&[(5, 10)], 10),
            (&[(0, 10), (20, 10)], 20),
            (&[(0, 10), (5, 10), (6, 2)], 15),
            (&[(0, 30), (5, 10), (40, 1)], 31),
        ] {
            let attempts: Vec<_> = attempts.iter().map(|(begun, duration)| attempt(*begun, *duration)).collect();
            assert_eq!(waited(&attempts), Duration::from_millis(expected), "{attempts:?}");
        }
    }
}
