//! What one call took of its upstream, counted while it runs, so that it is known however the call ends.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::destination::Destination;
use crate::outcome::{Attempt, Exchange};
use crate::trace::TraceParent;

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

    /// The request of this number has to wait for others before it can be sent.
    pub(super) fn queued(&self, index: usize) {
        self.with(|exchange| {
            exchange.requests -= 1;
            if let Some(attempt) = exchange.attempts.get_mut(index) {
                attempt.duration = Duration::ZERO;
            }
        });
    }

    /// The request of this number waits no longer: it is sent now, or given up.
    pub(super) fn dequeued(&self, index: usize, time: Duration, sent: bool) {
        self.with(|exchange| {
            exchange.queued = exchange.queued.max(time);
            if let Some(attempt) = exchange.attempts.get_mut(index).filter(|_| sent) {
                exchange.requests += 1;
                (attempt.begun, attempt.duration) = (Instant::now().into_std(), Duration::MAX);
            }
        });
    }

    /// A request goes out, as a span below the call's; `resend`: how often it had gone out before.
    pub(super) fn sent<B>(
        &self,
        http: &http::Request<B>,
        destination: Destination,
        call: TraceParent,
        resend: u32,
    ) -> Ticket<'_> {
        let elsewhere = (destination == Destination::Elsewhere).then(|| address(http.uri()));
        self.with(|exchange| {
            exchange.requests += 1;
            let index = exchange.attempts.len();
            let span_id = call.nth(index as u64);
            exchange.attempts.push(Attempt {
                span_id,
                method: http.method().clone(),
                elsewhere,
                resend,
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

    /// All that was counted; what is counted later belongs to nobody.
    pub(super) fn finish(&self) -> Exchange {
        let (now, elapsed) = (Instant::now().into_std(), self.started.elapsed());
        let mut exchange = self.with(std::mem::take);
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
    pub(super) fn answered(self, status: u16, remaining: Option<u64>) {
        self.meter.with(|exchange| {
            exchange.status = Some(status);
            if let Some(attempt) = exchange.attempts.get_mut(self.index) {
                (attempt.status, attempt.remaining) = (Some(status), remaining);
                attempt.duration = attempt.begun.elapsed();
            }
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

/// The time in which at least one of them was under way.
fn waited(attempts: &[Attempt]) -> Duration {
    if let [only] = attempts {
        return only.duration;
    }
    let mut total = Duration::ZERO;
    let mut covered = None;
    let mut attempts: Vec<_> = attempts.iter().collect();
    // Who waited for a slot began later than its number says.
    attempts.sort_by_key(|attempt| attempt.begun);
    for attempt in attempts {
        let end = attempt.begun + attempt.duration;
        let begun = covered.map_or(attempt.begun, |covered| attempt.begun.max(covered));
        total += end.saturating_duration_since(begun);
        covered = Some(covered.map_or(end, |covered| end.max(covered)));
    }
    total
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
            (&[(40, 1), (0, 30)], 31),
        ] {
            let attempts: Vec<_> = attempts.iter().map(|(begun, duration)| attempt(*begun, *duration)).collect();
            assert_eq!(waited(&attempts), Duration::from_millis(expected), "{attempts:?}");
        }
    }
}
