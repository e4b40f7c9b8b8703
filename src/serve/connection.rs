//! A connection that never asks anything must not be held for ever.
//!
//! hyper bounds the time for the headers of HTTP/1.1, but only once it knows the version, which it learns from the first
//! bytes: a peer that sends none of them, or an HTTP/2 preface and nothing else, would keep its place.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::service::Service;
use tokio::time::sleep;
use tower::{ServiceExt, util::Oneshot};

/// The road as one connection sees it: notes that there was a request.
#[derive(Clone, Debug)]
pub(super) struct Heard<S> {
    road: S,
    ear: Ear,
}

/// Knows whether a connection has asked anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Ear(Arc<AtomicBool>);

impl<S> Heard<S> {
    /// A connection that has not asked anything yet.
    pub(super) fn new(road: S) -> Self {
        Self { road, ear: Ear::default() }
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

    /// Has nothing been asked so far?
    pub(super) fn is_silent(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

impl<S, R> Service<R> for Heard<S>
where
    S: tower::Service<R> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, R>;

    fn call(&self, request: R) -> Self::Future {
        self.ear.0.store(true, Ordering::Relaxed);
        self.road.clone().oneshot(request)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt;
    use tower::service_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_connection_and_a_request_ends_the_silence() {
        let heard = Heard::new(service_fn(|()| async { Ok::<_, Infallible>(()) }));
        let limit = Duration::from_secs(10);
        heard.ear().silence(limit).await;
        heard.call(()).await.unwrap();
        let waiting = heard.ear().silence(limit);
        tokio::pin!(waiting);
        tokio::time::advance(limit * 2).await;
        assert!(waiting.now_or_never().is_none());
    }
}
