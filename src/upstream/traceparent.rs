//! W3C trace context on requests to the account's API, where the configuration asks for it.

use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue};
use tower::{Layer, Service};

use super::plane::{Destination, Request};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A layer that names the trace to the upstream if `enabled`.
pub(super) fn layer<S>(enabled: bool) -> impl Layer<S, Service = Propagate<S>> {
    tower::layer::layer_fn(move |inner| Propagate { inner, enabled })
}

/// Names the trace.
#[derive(Clone, Debug)]
pub(super) struct Propagate<S> {
    inner: S,
    enabled: bool,
}

impl<S: Service<Request>> Service<Request> for Propagate<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        if self.enabled
            && request.destination == Destination::Account
            && let Ok(value) = HeaderValue::try_from(request.trace.to_string())
        {
            request.http.set(TRACEPARENT, value);
        }
        self.inner.call(request)
    }
}
