//! Stops asking an upstream that keeps failing, see [`circuit`](super::circuit). A failure is no connection, no whole
//! answer in time, or a status of 5xx; a status of 4xx, 429 included, is the answer of an upstream that works.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::circuit::{Blocked, Mode, Pass, Verdict};
use super::failure::Failure;
use super::plane::{Answer, CallInfo, Destination, Request};
use crate::refusal::Trouble;

/// A layer that stops asking an upstream that keeps failing.
pub(super) fn layer<S>() -> impl Layer<S, Service = Breaker<S>> {
    tower::layer::layer_fn(Breaker)
}

/// Stops asking an upstream that keeps failing.
#[derive(Clone, Debug)]
pub(super) struct Breaker<S>(S);

impl<S: Service<Request, Response = Answer, Error = Failure>> Service<Request> for Breaker<S> {
    type Response = Answer;
    type Error = Failure;
    type Future = Watched<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.destination == Destination::Elsewhere {
            return Watched::Sent { inner: self.0.call(request), trial: None };
        }
        match Trial::begin(&request.call) {
            Ok(trial) => Watched::Sent { inner: self.0.call(request), trial: Some(trial) },
            Err(blocked) => Watched::Blocked { blocked },
        }
    }
}

pin_project! {
    /// The future of [`Breaker`].
    #[project = Step]
    pub(super) enum Watched<F> {
        Sent { #[pin] inner: F, trial: Option<Trial> },
        Blocked { blocked: Blocked },
    }
}

impl<F: Future<Output = Result<Answer, Failure>>> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            Step::Blocked { blocked } => Poll::Ready(Err(Failure::Unavailable(*blocked))),
            Step::Sent { inner, trial } => {
                let mut result = ready!(inner.poll(cx));
                if let Some(trial) = trial.take() {
                    trial.met(&mut result);
                }
                Poll::Ready(result)
            }
        }
    }
}

/// One request on its way, until it is known what it says of its upstream.
#[derive(Debug)]
pub(super) struct Trial {
    call: Arc<CallInfo>,
    pass: Pass,
    begun: Instant,
    verdict: Option<Verdict>,
}

impl Trial {
    fn begin(call: &Arc<CallInfo>) -> Result<Self, Blocked> {
        let begun = Instant::now();
        let (pass, change) = call.line.circuit.admit(begun, call.read_only)?;
        tell(call, change);
        Ok(Self { call: call.clone(), pass, begun, verdict: None })
    }

    /// The head of an answer is there, or there will be none. A good answer is one whose body is read to its end.
    fn met(mut self, result: &mut Result<Answer, Failure>) {
        self.verdict = match result {
            Ok(answer) => match answer.http.status() {
                status if status.is_server_error() => Some(Verdict::Bad(Trouble::Status(status.as_u16()))),
                status if status.is_success() => return answer.http.body_mut().watch(self),
                _ => Some(Verdict::Good),
            },
            Err(Failure::Unreachable(_)) => Some(Verdict::Bad(Trouble::Unreachable)),
            Err(Failure::Incomplete(_)) => Some(Verdict::Bad(Trouble::Incomplete)),
            Err(_) => Some(Verdict::None),
        };
    }

    /// The body is over: whole, or broken off.
    pub(super) fn read(mut self, whole: bool) {
        self.verdict = Some(if whole { Verdict::Good } else { Verdict::Bad(Trouble::Incomplete) });
    }

    /// Dropped without an end: the call's time was over, or its caller went away.
    fn abandoned(&self, now: Instant) -> Verdict {
        let had = now.saturating_duration_since(self.begun);
        let time = self.call.deadline.saturating_duration_since(self.call.meter.started());
        // Of a request that got its slot late, the upstream had not the time that it is given.
        if now >= self.call.deadline && had >= time / 2 { Verdict::Bad(Trouble::Timeout) } else { Verdict::None }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let now = Instant::now();
        let verdict = self.verdict.unwrap_or_else(|| self.abandoned(now));
        tell(&self.call, self.call.line.circuit.judge(now, self.pass, verdict));
    }
}

fn tell(call: &CallInfo, change: Option<Mode>) {
    let Some(mode) = change else { return };
    let (account, trouble) = (call.line.account.as_str(), call.line.circuit.mode().1);
    match mode {
        Mode::Closed => tracing::info!(account, breaker.state = "closed", "the upstream answers again"),
        Mode::HalfOpen => {
            tracing::info!(account, breaker.state = "half-open", "one call tries whether the upstream is back");
        }
        Mode::Open(until) => {
            let seconds = until.saturating_duration_since(Instant::now()).as_secs_f32();
            let cause = trouble.to_string();
            tracing::warn!(
                account,
                breaker.state = "open",
                breaker.cause = cause.as_str(),
                breaker.open_s = seconds,
                "the upstream keeps failing and is not asked for now"
            );
        }
    }
}
