//! The span of an HTTP request: outermost, so that refusals are measured too. Paths are never logged, for they may hold
//! a token.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{
    Service,
    layer::{LayerFn, layer_fn},
};
use tracing::{Instrument, instrument::Instrumented, level_filters::LevelFilter};

/// Layer of [`Trace`].
#[must_use]
pub fn layer<S>() -> LayerFn<fn(S) -> Trace<S>> {
    layer_fn(|inner| Trace { inner })
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Trace<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Traced<Instrumented<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let span = tracing::debug_span!("http.request", method = %request.method(), version = ?request.version());
        let begun = (LevelFilter::current() >= LevelFilter::DEBUG).then(Instant::now);
        Traced { inner: self.inner.call(request).instrument(span), begun }
    }
}

pin_project! {
    /// Future of [`Trace`].
    #[derive(Debug)]
    pub struct Traced<F> {
        #[pin]
        inner: F,
        // Where somebody may hear of it.
        begun: Option<Instant>,
    }
}

impl<F, R, E> Future for Traced<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        if let (Ok(response), Some(begun)) = (&result, this.begun) {
            tracing::debug!(
                status = response.status().as_u16(),
                duration_us = begun.elapsed().as_micros(),
                "http request"
            );
        }
        Poll::Ready(result)
    }
}
