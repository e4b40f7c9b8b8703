//! One line per call, whatever became of it: who asked what of whom, what was decided and by which rule, what it took.
//!
//! Never logged: tokens, credentials, argument values, result bodies. The tool's name is logged as the caller wrote it,
//! cut to [`LONGEST_NAME`] characters; everything else of the caller's own is its client name and version, cut likewise.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use pin_project_lite::pin_project;
use tower::{
    Service,
    layer::{LayerFn, layer_fn},
};
use tracing::{Instrument, instrument::Instrumented};

use crate::call::{Call, Caller};
use crate::outcome::{Exchange, Outcome};
use crate::refusal::Refusal;
use crate::server::{Decision, Server};
use crate::trace::TraceParent;

/// Longest name of the caller's own that is logged, in characters.
const LONGEST_NAME: usize = 80;

/// Layer of [`Audit`].
#[must_use]
pub fn layer<S>() -> LayerFn<fn(S) -> Audit<S>> {
    layer_fn(|inner| Audit { inner })
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Audit<S> {
    inner: S,
}

impl<S: Service<Call, Response = Outcome, Error = Refusal>> Service<Call> for Audit<S> {
    type Response = Outcome;
    type Error = Refusal;
    type Future = Recorded<Instrumented<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let span = tracing::debug_span!("tools/call", trace_id = %call.trace.trace_id(), server = %call.server.name);
        let record = Record::of(&call);
        Recorded { inner: self.inner.call(call).instrument(span), record: Some(record) }
    }
}

/// What is known of a call before it is carried out.
#[derive(Debug)]
struct Record {
    server: Arc<Server>,
    caller: Caller,
    asked: String,
    trace: TraceParent,
    begun: Instant,
}

impl Record {
    fn of(call: &Call) -> Self {
        Self {
            server: call.server.clone(),
            caller: call.caller.clone(),
            asked: cut(&call.asked).to_owned(),
            trace: call.trace,
            begun: Instant::now(),
        }
    }

    fn write(self, result: &Result<Outcome, Refusal>) {
        let (decision, rule) = match self.server.decide(&self.asked) {
            Decision::Allowed { rule, .. } => ("allow", rule),
            Decision::Hidden { rule } => ("deny", rule),
            Decision::Unknown => ("deny", "no such tool"),
        };
        let none = Exchange::default();
        let (error, exchange) = match result {
            Ok(outcome) => (None, &outcome.exchange),
            Err(refusal) => (Some(refusal.kind()), refusal.exchange().unwrap_or(&none)),
        };
        tracing::info!(
            target: "chaperone::access",
            trace_id = %self.trace.trace_id(),
            server.name = %self.server.name,
            server.id = %self.server.id,
            account = %self.server.account.id,
            tool = %self.asked,
            decision,
            rule,
            error,
            upstream.status = exchange.status,
            upstream.requests = exchange.requests,
            duration_us = micros(self.begun.elapsed()),
            upstream.duration_us = micros(exchange.elapsed),
            upstream.bytes = exchange.received,
            client.name = self.caller.client.as_deref().map(cut),
            client.version = self.caller.client_version.as_deref().map(cut),
            api_token = self.caller.api_token.as_deref(),
            "call"
        );
        match result {
            Err(Refusal::Internal(text)) => {
                tracing::error!(trace_id = %self.trace.trace_id(), "a bug in chaperone: {text}");
            }
            Err(Refusal::Upstream(fault)) => {
                tracing::warn!(trace_id = %self.trace.trace_id(), account = %self.server.account.id, detail = %fault.detail, "the upstream failed");
            }
            _ => {}
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST_NAME).map_or(text, |(end, _)| &text[..end])
}

pin_project! {
    /// Future of [`Audit`]: writes the line when the call is over.
    ///
    /// A call whose client went away is dropped before that; `Drop` of the record writes no line of its own, the
    /// connection's end is in the HTTP log.
    #[derive(Debug)]
    pub struct Recorded<F> {
        #[pin]
        inner: F,
        record: Option<Record>,
    }
}

impl<F: Future<Output = Result<Outcome, Refusal>>> Future for Recorded<F> {
    type Output = Result<Outcome, Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        if let Some(record) = this.record.take() {
            record.write(&result);
        }
        Poll::Ready(result)
    }
}
