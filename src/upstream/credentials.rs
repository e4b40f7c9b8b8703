//! The credential and the constant headers of an integration, on requests to the account's own API and no other.

use std::task::{Context, Poll};

use tower::{Layer, Service};

use super::plane::{Destination, Request};

/// A layer that signs requests.
pub(super) fn layer<S>() -> impl Layer<S, Service = Credentials<S>> {
    tower::layer::layer_fn(Credentials)
}

/// Signs requests.
#[derive(Clone, Debug)]
pub(super) struct Credentials<S>(S);

impl<S: Service<Request>> Service<Request> for Credentials<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        if request.destination == Destination::Account {
            let Request { http, account, .. } = &mut request;
            for (name, value) in &account.integration.headers {
                http.set(name.clone(), value.clone());
            }
            if let Some((name, value)) = account.credential().header() {
                http.set(name.clone(), value.clone());
            }
        }
        self.0.call(request)
    }
}
