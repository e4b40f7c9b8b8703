//! What one call took of its upstream, counted while it runs, so that it is known however the call ends.

use std::time::Duration;

use tokio::time::Instant;

use super::destination::Destination;
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

    /// The request of this number waits no longer: it is sent now, or given up.
    pub(super) fn dequeued(&self, index: usize, time: Duration, sent: bool) {
        self.with(|exchange| {
            exchange.queued = exchange.queued.max(time);
            if let Some(attempt) = exchange.attempts.get_mut(index).filter(|_| sent) {
                exchange.requests += 1;
                (attempt.begun, attempt.duration) = (Instant::now().into_std(), Attempt::UNDER_WAY);
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
            // Most calls are one request.
            exchange.attempts.reserve_exact(usize::from(index == 0));
            exchange.attempts.push(Attempt {
                span_id,
                method: http.method().clone(),
                elsewhere,
                resend,
                status: None,
                remaining: None,
                begun: Instant::now().into_std(),
                duration: Attempt::UNDER_WAY,
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
        Exchange { elapsed: self.started.elapsed(), ..self.progress.finish() }
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
