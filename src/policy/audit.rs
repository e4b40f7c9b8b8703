//! One line per call, whatever became of it: who asked what of whom, what was decided and by which rule, what it took.
//!
//! Never logged: tokens, credentials, argument values, result bodies. The tool's name is logged as the caller wrote it,
//! but cut to [`LONGEST_NAME`] characters and without control characters, so that no caller writes lines or colours into
//! a log; everything else of the caller's own is its client name and version, treated likewise.

use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    thread,
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

/// Longest name of the caller's own that is logged, in characters; no tool has a longer one.
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
        Recorded { inner: self.inner.call(call).instrument(span), record }
    }
}

/// What is known of a call before it is carried out. Writes its line when it is over, and in any case: a call that is
/// dropped on its way, because its client went away or because of a bug, may have changed something.
#[derive(Debug)]
struct Record {
    server: Arc<Server>,
    caller: Caller,
    asked: String,
    trace: TraceParent,
    begun: Instant,
    over: bool,
}

impl Record {
    fn of(call: &Call) -> Self {
        Self {
            server: call.server.clone(),
            caller: call.caller.clone(),
            asked: fit(&call.asked).into_owned(),
            trace: call.trace,
            begun: Instant::now(),
            over: false,
        }
    }

    fn end(&mut self, result: &Result<Outcome, Refusal>) {
        self.over = true;
        match result {
            Ok(outcome) => self.write(None, None, &outcome.exchange),
            Err(refusal) => {
                self.write(Some(refusal.kind()), Some(refusal), refusal.exchange().unwrap_or(&Exchange::default()));
            }
        }
        match result {
            Err(Refusal::Internal(text)) => {
                tracing::error!(trace_id = %self.trace.trace_id(), "a bug in chaperone: {text}");
            }
            Err(Refusal::Upstream(fault)) => {
                tracing::warn!(
                    trace_id = %self.trace.trace_id(),
                    account = %self.server.account.id,
                    detail = fault.detail.as_str(),
                    "the upstream failed"
                );
            }
            _ => {}
        }
    }

    fn write(&self, error: Option<&str>, refusal: Option<&Refusal>, exchange: &Exchange) {
        let (decision, rule) = match (refusal, self.server.decide(&self.asked)) {
            (Some(Refusal::Limited(limited)), _) => ("deny", limited.rule.as_str()),
            (_, Decision::Allowed { rule, .. }) => ("allow", rule),
            (_, Decision::Hidden { rule }) => ("deny", rule),
            (_, Decision::Unknown) => ("deny", "no such tool"),
        };
        let refusing = refusal.and_then(Refusal::bucket);
        tracing::info!(
            target: "chaperone::access",
            trace_id = %self.trace.trace_id(),
            server.name = %self.server.name,
            server.id = %self.server.id,
            account = %self.server.account.id,
            // As a string and not by `%`: the text format then quotes it.
            tool = self.asked.as_str(),
            decision,
            rule,
            error,
            ratelimit.scope = refusing.map(|bucket| bucket.scope.as_str()),
            ratelimit.limit = refusing.map(|bucket| bucket.limit),
            retry_after = refusal.and_then(Refusal::retry_after),
            upstream.status = exchange.status,
            upstream.requests = exchange.requests,
            duration_us = micros(self.begun.elapsed()),
            upstream.duration_us = micros(exchange.elapsed),
            upstream.bytes = exchange.received,
            client.name = self.caller.client.as_deref().map(fit).as_deref(),
            client.version = self.caller.client_version.as_deref().map(fit).as_deref(),
            api_token = self.caller.api_token.as_deref(),
            "call"
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.over {
            let error = if thread::panicking() { "internal" } else { "cancelled" };
            // What the upstream did until then went with the call.
            self.write(Some(error), None, &Exchange::default());
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Text of the caller's own, fit for a log.
fn fit(text: &str) -> Cow<'_, str> {
    let text = text.char_indices().nth(LONGEST_NAME).map_or(text, |(end, _)| &text[..end]);
    if text.contains(char::is_control) {
        Cow::Owned(text.replace(char::is_control, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

pin_project! {
    /// Future of [`Audit`]: the line is written when the call is over, or when this is dropped.
    #[derive(Debug)]
    pub struct Recorded<F> {
        #[pin]
        inner: F,
        record: Record,
    }
}

impl<F: Future<Output = Result<Outcome, Refusal>>> Future for Recorded<F> {
    type Output = Result<Outcome, Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        this.record.end(&result);
        Poll::Ready(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_writes_neither_lines_nor_colours_into_a_log() {
        assert_eq!(fit("a\nb\u{1b}[31m\u{9b}c"), "a\u{fffd}b\u{fffd}[31m\u{fffd}c");
        assert_eq!(fit(&"é".repeat(LONGEST_NAME + 1)), "é".repeat(LONGEST_NAME));
    }
}
