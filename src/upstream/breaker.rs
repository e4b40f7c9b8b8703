//! Stops asking an upstream that keeps failing, see [`circuit`](super::circuit). A failure is no connection, no whole
//! answer in time, or a status of 5xx; a status of 4xx, 429 included, is the answer of an upstream that works.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::circuit::{Blocked, Verdict};
use super::failure::Failure;
use super::plane::{Answer, Destination, Request};
use super::trial::Trial;
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
        match Trial::begin(&request.call, request.begun) {
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
                    judge(trial, &mut result);
                }
                Poll::Ready(result)
            }
        }
    }
}

/// What the head of an answer says of its upstream, or that there will be none. A good answer is one whose body is read
/// to its end.
fn judge(trial: Trial, result: &mut Result<Answer, Failure>) {
    let (verdict, at) = match result {
        Ok(answer) => match answer.status {
            status if status.is_server_error() => (Verdict::Bad(Trouble::Status(status.as_u16())), answer.at),
            status if status.is_success() => return answer.body.watch(trial),
            _ => (Verdict::Good, answer.at),
        },
        Err(Failure::Unreachable(_)) => (Verdict::Bad(Trouble::Unreachable), Instant::now()),
        Err(Failure::Incomplete(_)) => (Verdict::Bad(Trouble::Incomplete), Instant::now()),
        Err(_) => (Verdict::None, Instant::now()),
    };
    trial.end(verdict, at);
}
