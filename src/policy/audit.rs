//! Tells the [`Observer`] of every call, whatever became of it: who asked what of whom, what was decided and by which
//! rule, what it took.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    thread,
    time::{Instant, SystemTime},
};

use futures_util::future::Either;
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::{Instrument, instrument::Instrumented};

use crate::call::{Arguments, Call, Caller, Origin};
use crate::outcome::{Content, Exchange, Outcome, Progress};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::telemetry::{
    finished::{Asked, Captured, Failure, Finished},
    observer::{Admission, Observer},
};
use crate::trace::TraceParent;

/// Layer of [`Audit`].
#[derive(Clone, Debug)]
pub struct AuditLayer {
    observer: Observer,
}

/// A layer that tells this observer.
#[must_use]
pub fn layer(observer: Observer) -> AuditLayer {
    AuditLayer { observer }
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audit<S>;

    fn layer(&self, inner: S) -> Audit<S> {
        Audit { inner, observer: self.observer.clone() }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Audit<S> {
    inner: S,
    observer: Observer,
}

impl<S: Service<Call, Response = Outcome, Error = Refusal>> Service<Call> for Audit<S> {
    type Response = Outcome;
    type Error = Refusal;
    type Future = Recorded<Either<Instrumented<S::Future>, Ready<Result<Outcome, Refusal>>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let span = tracing::debug_span!("tools/call", trace_id = %call.trace.trace_id(), server = %call.server.name);
        let (admission, refused) = match self.observer.admit() {
            Ok(admission) => (admission, None),
            Err(refusal) => (Admission::default(), Some(refusal)),
        };
        let record = Record::of(&call, self.observer.clone(), admission);
        let inner = match refused {
            None => Either::Left(self.inner.call(call).instrument(span)),
            Some(refusal) => Either::Right(ready(Err(refusal))),
        };
        Recorded { inner, record }
    }
}

/// What is known of a call before it is carried out. Told when it is over, and in any case: a call that is dropped on
/// its way, because its client went away or because of a bug, may have changed something.
#[derive(Debug)]
struct Record {
    observer: Observer,
    progress: Progress,
    /// Taken out when it is told.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    admission: Admission,
    server: Arc<Server>,
    caller: Caller,
    origin: Origin,
    trace: TraceParent,
    asked: Asked,
    arguments: Option<String>,
    begun_at: SystemTime,
    begun: Instant,
}

impl Record {
    fn of(call: &Call, observer: Observer, admission: Admission) -> Self {
        let arguments = match &call.arguments {
            Arguments::Raw(raw) => observer.capture().arguments(raw.as_deref()),
            Arguments::Checked(_) => None,
        };
        let open = Open {
            admission,
            server: call.server.clone(),
            caller: call.caller.clone(),
            origin: call.origin.clone(),
            trace: call.trace,
            asked: Asked::new(&call.asked, call.place),
            arguments,
            begun_at: SystemTime::now(),
            begun: Instant::now(),
        };
        Self { observer, progress: call.progress.clone(), open: Some(open) }
    }

    fn end(&mut self, result: &Result<Outcome, Refusal>) {
        let Some(call) = &self.open else { return };
        match result {
            Err(Refusal::Internal(text)) => {
                tracing::error!(trace_id = %call.trace.trace_id(), "a bug in chaperone: {text}");
            }
            // What is refused here is told by its own change of state, not once a call.
            Err(Refusal::Upstream(fault)) if !fault.kind.is_local() => {
                tracing::warn!(
                    trace_id = %call.trace.trace_id(),
                    account = %call.server.account.id,
                    detail = fault.detail.as_str(),
                    "the upstream failed"
                );
            }
            _ => {}
        }
        match result {
            Ok(outcome) => {
                let failed = matches!(outcome.content, Content::Blocks { is_error: true, .. });
                self.tell(failed.then(Failure::of_tool), outcome.exchange.clone(), Some(&outcome.content));
            }
            Err(refusal) => {
                let exchange = refusal.exchange().cloned().map(Arc::new).unwrap_or_default();
                self.tell(Some(Failure::of(refusal)), exchange, None);
            }
        }
    }

    fn tell(&mut self, failure: Option<Failure>, exchange: Arc<Exchange>, content: Option<&Content>) {
        let Some(call) = self.open.take() else { return };
        let result = content.and_then(|content| self.observer.capture().result(content));
        let finished = Finished {
            server: call.server,
            caller: call.caller,
            origin: call.origin,
            trace: call.trace,
            method: "tools/call",
            asked: Some(call.asked),
            begun_at: call.begun_at,
            begun: call.begun,
            duration: call.begun.elapsed(),
            failure,
            exchange,
            captured: Captured { arguments: call.arguments, result },
        };
        self.observer.called(call.admission, finished);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.open.is_some() {
            let kind = if thread::panicking() { "internal" } else { "cancelled" };
            self.tell(Some(Failure::unanswered(kind)), Arc::new(self.progress.finish(Instant::now())), None);
        }
    }
}

pin_project! {
    /// Future of [`Audit`]: the observer is told when the call is over, or when this is dropped.
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
