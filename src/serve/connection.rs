//! A connection that never asks anything must not be held for ever, and all of them end with the process.
//!
//! The wait for a request is bounded, and longer between requests than a first one may take. hyper bounds the time for the
//! headers of HTTP/1.1, and of HTTP/2 nothing: a peer that sends a preface and nothing else would keep its place.

use std::{
    cell::RefCell,
    future::{Future, pending},
    mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::{future::Either, task::AtomicWaker};
use http::Request;
use hyper::{body, service::Service};
use hyper_util::server::graceful::GracefulConnection;
use pin_project_lite::pin_project;
use tokio::time::sleep;
use tower::{ServiceExt, util::Oneshot};

use super::{incoming::Incoming, untold};

/// The road as one connection sees it: notes that there was a request.
#[derive(Debug)]
pub(super) struct Heard<S> {
    /// One connection's own: a clone for every request would count up and down whatever the road shares.
    road: RefCell<S>,
    ear: Ear,
}

/// Knows whether a connection has asked anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Ear(Arc<AtomicBool>);

impl<S> Heard<S> {
    /// A connection that has not asked anything yet.
    pub(super) fn new(road: S) -> Self {
        Self { road: RefCell::new(road), ear: Ear::default() }
    }

    /// To listen from outside.
    pub(super) fn ear(&self) -> Ear {
        self.ear.clone()
    }
}

impl Ear {
    /// Comes back after `limit` if nothing was asked until then, else never.
    pub(super) async fn silence(self, limit: Duration) {
        sleep(limit).await;
        if !self.is_silent() {
            pending::<()>().await;
        }
    }

    /// Something was asked.
    pub(super) fn hear(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Has nothing been asked so far?
    pub(super) fn is_silent(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

impl<S> Service<Request<Incoming>> for Heard<S>
where
    S: tower::Service<Request<Incoming>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Oneshot<S, Request<Incoming>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.ear.hear();
        let mut road = self.road.borrow_mut();
        // It always is: what has to wait on the road does so in its future.
        match road.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Either::Left(road.call(request)),
            _ => Either::Right(road.clone().oneshot(request)),
        }
    }
}

impl<S> Service<Request<body::Incoming>> for Heard<S>
where
    S: tower::Service<Request<Incoming>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Oneshot<S, Request<Incoming>>>;

    fn call(&self, mut request: Request<body::Incoming>) -> Self::Future {
        untold::leave_out(request.headers_mut());
        self.call(request.map(Incoming::Arriving))
    }
}

/// A word from outside to a connection: to say goodbye. A clone hears and gives the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Word(Arc<Said>);

#[derive(Debug, Default)]
struct Said {
    is_given: AtomicBool,
    listener: AtomicWaker,
}

impl Word {
    /// Tell whoever listens.
    pub(super) fn give(&self) {
        self.0.is_given.store(true, Ordering::Release);
        self.0.listener.wake();
    }
}

/// Who listens for a word, of whom there is one at a time.
#[derive(Debug)]
pub(super) struct Listener {
    word: Word,
    listens: bool,
}

impl Listener {
    /// Listens for this word.
    pub(super) fn new(word: Word) -> Self {
        Self { word, listens: false }
    }

    /// Was it given? If not, the task that asks is woken when it is.
    pub(super) fn is_given(&mut self, cx: &Context<'_>) -> bool {
        // Once: a connection stays in its task.
        if !mem::replace(&mut self.listens, true) {
            self.word.0.listener.register(cx.waker());
        }
        self.word.0.is_given.load(Ordering::Acquire)
    }
}

pin_project! {
    /// A connection that says goodbye when it is told to, as soon as it has answered what it was asked.
    pub(super) struct Polite<C> {
        #[pin]
        connection: C,
        // Until it was told.
        listener: Option<Listener>,
    }
}

impl<C> Polite<C> {
    /// A connection that listens for this word.
    pub(super) fn new(connection: C, word: Word) -> Self {
        Self { connection, listener: Some(Listener::new(word)) }
    }
}

impl<C: GracefulConnection> Future for Polite<C> {
    type Output = Result<(), C::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.listener.as_mut().is_some_and(|listener| listener.is_given(cx)) {
            this.connection.as_mut().graceful_shutdown();
            *this.listener = None;
        }
        this.connection.poll(cx)
    }
}

pin_project! {
    /// A connection, and what may end it from outside: that is looked at when it has something to say, and not whenever
    /// the connection has.
    pub(super) struct Guarded<C, G> {
        #[pin]
        connection: C,
        #[pin]
        guard: G,
        bell: Arc<Bell>,
        ring: Waker,
    }
}

/// Rung by what the guard waits for.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<C, G> Guarded<C, G> {
    /// A connection that is dropped as soon as `guard` comes back.
    pub(super) fn new(connection: C, guard: G) -> Self {
        // Whoever never looked waits for nothing yet.
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { connection, guard, ring: bell.clone().into(), bell }
    }
}

impl<C: Future, G: Future> Future for Guarded<C, G> {
    /// How either ended.
    type Output = Result<C::Output, G::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(ended) = this.connection.poll(cx) {
            return Poll::Ready(Ok(ended));
        }
        this.bell.task.register(cx.waker());
        if this.bell.rung.swap(false, Ordering::AcqRel) {
            return this.guard.poll(&mut Context::from_waker(this.ring)).map(Err);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, convert::Infallible, future::poll_fn, pin::pin};

    use bytes::Bytes;
    use futures_util::FutureExt;
    use tokio::{sync::Notify, time::Instant};
    use tower::service_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_connection_and_a_request_ends_the_silence() {
        let heard = Heard::new(service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(()) }));
        let limit = Duration::from_secs(10);
        heard.ear().silence(limit).await;
        heard.call(Request::new(Incoming::Whole(Bytes::new()))).await.unwrap();
        let waiting = heard.ear().silence(limit);
        tokio::pin!(waiting);
        tokio::time::advance(limit * 2).await;
        assert!(waiting.now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_guard_is_looked_at_when_it_is_woken_and_ends_its_connection() {
        let (limit, looks) = (Duration::from_secs(10), Cell::new(0));
        let (busy, heard) = (Notify::new(), Cell::new(0));
        let connection = async {
            loop {
                busy.notified().await;
                heard.set(heard.get() + 1);
            }
        };
        let mut silence = pin!(Ear::default().silence(limit));
        let guard = poll_fn(|cx| {
            looks.set(looks.get() + 1);
            silence.as_mut().poll(cx)
        });
        let mut guarded = pin!(Guarded::<_, _>::new(connection, guard));
        for _ in 0..5 {
            busy.notify_one();
            assert!(futures_util::poll!(guarded.as_mut()).is_pending());
        }
        assert_eq!((heard.get(), looks.get()), (5, 1));
        let begun = Instant::now();
        let ended: Result<(), ()> = guarded.await;
        assert_eq!((ended, begun.elapsed()), (Err(()), limit));
    }
}
