//! The making of connections to upstreams, and how long they are kept.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tower::{BoxError, Service};

use super::connections::{Connections, Counted};
use super::destination::Destination;

/// Idle connections are dropped before the usual 60 to 75 s of load balancers end them in the middle of a request.
pub(super) const IDLE: Duration = Duration::from_secs(55);

/// Bounds the making of a connection, name look-up and TLS included, and counts what was made.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    limit: Duration,
    destination: Destination,
    connections: Connections,
}

impl Connector {
    /// A connector whose connections are made within `limit`, and counted.
    pub(super) fn new(
        inner: HttpsConnector<HttpConnector>,
        limit: Duration,
        destination: Destination,
        connections: Connections,
    ) -> Self {
        Self { inner, limit, destination, connections }
    }
}

impl Service<Uri> for Connector {
    type Response = Counted<<HttpsConnector<HttpConnector> as Service<Uri>>::Response>;
    type Error = BoxError;
    /// Boxed once a connection, not once a call.
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        // Where downloads are redirected to is the vendor's to say.
        let host = to.host().filter(|_| self.destination == Destination::Account).map(ToOwned::to_owned);
        let (connecting, limit, connections) = (self.inner.call(to), self.limit, self.connections.clone());
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(made) => Ok(connections.count(host.as_deref(), made?)),
                Err(_) => Err(format!("no connection within {limit:?}").into()),
            }
        })
    }
}
