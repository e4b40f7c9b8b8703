//! So many requests at once to an account's own API, see [`lane`](super::lane). A request has its slot until the body
//! of its answer is read, or dropped.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::failure::Failure;
use super::lane::{Entry, Slot, Waiting};
use super::plane::{Answer, CallInfo, Destination, Request};

/// A layer that bounds the requests at work on an account.
pub(super) fn layer<S>() -> impl Layer<S, Service = Concurrency<S>> {
    tower::layer::layer_fn(Concurrency)
}

/// Bounds the requests at work on an account.
#[derive(Clone, Debug)]
pub(super) struct Concurrency<S>(S);

impl<S> Service<Request> for Concurrency<S>
where
    S: Service<Request, Response = Answer, Error = Failure> + Clone,
{
    type Response = Answer;
    type Error = Failure;
    type Future = Bounded<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.destination == Destination::Elsewhere {
            return Bounded::AtWork { inner: self.0.call(request), slot: None };
        }
        match request.call.line.lane.enter(request.call.server) {
            Entry::Slot(slot) => Bounded::AtWork { inner: self.0.call(request), slot: Some(slot) },
            Entry::Waiting(waiting) => {
                // The service that is ready waits along; the clone takes its place.
                let next = self.0.clone();
                let service = std::mem::replace(&mut self.0, next);
                let since = Since::begin(&request);
                Bounded::Waiting { waiting, order: Some(Box::new((service, request, since))) }
            }
            Entry::Full(waiting) => Bounded::Full { waiting },
        }
    }
}

/// Tells the meter how long a request waited, however the waiting ends.
pub(super) struct Since {
    call: Arc<CallInfo>,
    ticket: usize,
    begun: Instant,
    sent: Option<Instant>,
}

impl Since {
    fn begin(request: &Request) -> Self {
        let (call, ticket) = (request.call.clone(), request.ticket);
        call.meter.queued(ticket);
        Self { call, ticket, begun: request.begun, sent: None }
    }

    /// The waiting is over now: the request is sent.
    fn end(mut self) -> Instant {
        *self.sent.insert(Instant::now())
    }
}

impl Drop for Since {
    fn drop(&mut self) {
        let over = self.sent.unwrap_or_else(Instant::now);
        self.call.meter.dequeued(self.ticket, over.saturating_duration_since(self.begun), self.sent);
    }
}

pin_project! {
    /// The future of [`Concurrency`].
    #[project = Step]
    pub(super) enum Bounded<S: Service<Request>> {
        /// Until it is this request's turn. Boxed: a request that need not wait has no room for it.
        Waiting { waiting: Waiting, order: Option<Box<(S, Request, Since)>> },
        /// With a slot, or to where none is needed.
        AtWork { #[pin] inner: S::Future, slot: Option<Slot> },
        /// So many are waiting that this one may not.
        Full { waiting: usize },
    }
}

impl<S> Future for Bounded<S>
where
    S: Service<Request, Response = Answer, Error = Failure>,
{
    type Output = Result<Answer, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let begun = match self.as_mut().project() {
                Step::Waiting { waiting, order } => {
                    let slot = ready!(Pin::new(waiting).poll(cx));
                    let (mut service, mut request, since) = *order.take().expect("a slot is given once");
                    request.begun = since.end();
                    Self::AtWork { inner: service.call(request), slot: Some(slot) }
                }
                Step::AtWork { inner, slot } => {
                    let mut answer = ready!(inner.poll(cx))?;
                    answer.body.hold(slot.take());
                    return Poll::Ready(Ok(answer));
                }
                Step::Full { waiting } => return Poll::Ready(Err(Failure::Overloaded(*waiting))),
            };
            self.set(begun);
        }
    }
}
