//! Counts the requests at work and sheds what is too much; closes the door when the process goes down.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::future::Either;
use pin_project_lite::pin_project;
use tokio::sync::Notify;
use tower::{Layer, Service};

use crate::refusal::Refusal;

/// Counts requests; shared by the layer, the health page and the graceful end.
#[derive(Clone, Debug)]
pub struct Gate(Arc<State>);

#[derive(Debug)]
struct State {
    most: usize,
    at_work: AtomicUsize,
    closed: AtomicBool,
    idle: Notify,
}

impl Gate {
    /// A gate that lets `most` requests in at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(State {
            most,
            at_work: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            idle: Notify::new(),
        }))
    }

    /// Requests at work.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.0.at_work.load(Ordering::Relaxed)
    }

    /// From now on every new request is refused.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// Comes back when no request is at work; only sure to stay so once the gate is closed.
    pub async fn idle(&self) {
        loop {
            let notified = self.0.idle.notified();
            if self.at_work() == 0 {
                return;
            }
            notified.await;
        }
    }

    fn enter(&self) -> Result<Pass, Refusal> {
        if self.0.closed.load(Ordering::Acquire) {
            return Err(Refusal::Draining);
        }
        let pass = Pass(self.clone());
        if self.0.at_work.fetch_add(1, Ordering::AcqRel) >= self.0.most { Err(Refusal::Overloaded) } else { Ok(pass) }
    }
}

/// One request at work, until it is dropped: by its answer, or because its client went away.
#[derive(Debug)]
struct Pass(Gate);

impl Drop for Pass {
    fn drop(&mut self) {
        if self.0.0.at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.0.idle.notify_waiters();
        }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.clone() }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R, Error = Refusal>,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = Either<AtWork<S::Future>, Ready<Result<S::Response, Refusal>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        match self.gate.enter() {
            Ok(pass) => Either::Left(AtWork { inner: self.inner.call(request), _pass: pass }),
            Err(refusal) => Either::Right(ready(Err(refusal))),
        }
    }
}

pin_project! {
    /// Future of [`Gated`]: holds the request's pass.
    #[derive(Debug)]
    pub struct AtWork<F> {
        #[pin]
        inner: F,
        _pass: Pass,
    }
}

impl<F: Future> Future for AtWork<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tower::{ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn what_is_too_much_is_shed_and_a_dropped_request_makes_room() {
        let gate = Gate::new(1);
        let mut service = gate.layer(service_fn(|()| pending::<Result<(), Refusal>>()));
        let first = service.ready().await.unwrap().call(());
        assert_eq!(service.ready().await.unwrap().call(()).await, Err(Refusal::Overloaded));
        assert_eq!(gate.at_work(), 1);
        drop(first);
        gate.idle().await;
        assert_eq!(gate.at_work(), 0);
    }

    #[tokio::test]
    async fn a_closed_gate_refuses() {
        let gate = Gate::new(1);
        gate.close();
        let service = gate.layer(service_fn(|()| ready(Ok::<(), Refusal>(()))));
        assert_eq!(service.oneshot(()).await, Err(Refusal::Draining));
    }
}
