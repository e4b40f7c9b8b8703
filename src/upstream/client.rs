//! The pooled HTTP client: rustls with ring, HTTP/1.1 and HTTP/2 by ALPN.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{TryFutureExt as _, future::BoxFuture};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tower::Service;

use super::Config;
use super::connections::Connections;
use super::connector::{Connector, IDLE};
use super::failure::Failure;
use super::plane::{Answer, Body, Destination, Request};
use super::pool::{Heard, Pool, shared};
use crate::causes::causes;
use crate::tcp::{self, KEEPALIVE};
use crate::tls;

/// Sends requests over pooled connections. Dropping its future cancels the request.
#[derive(Clone)]
pub(super) struct Client(Arc<Pools>);

struct Pools {
    accounts: Arc<Pool>,
    /// Apart from the others, so that a connection is known to be no account's.
    elsewhere: legacy::Client<Connector, Full<Bytes>>,
}

impl Client {
    /// A client with no connection yet.
    ///
    /// # Errors
    /// The CA file cannot be used; for a person.
    pub(super) fn new(config: &Config, connections: &Connections) -> Result<Self, String> {
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client(config.ca_file.as_deref())?)
            // Who may be spoken to without TLS is decided where the URL comes from: `Account::new` and `redirect`.
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp::connector());
        let connector =
            |destination| Connector::new(https.clone(), config.connect_timeout, destination, connections.clone());
        let elsewhere = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_keep_alive_interval(KEEPALIVE)
            .http2_adaptive_window(true)
            .build(connector(Destination::Elsewhere));
        Ok(Self(Arc::new(Pools { accounts: Arc::new(Pool::new(connector(Destination::Account))), elsewhere })))
    }
}

impl Service<Request> for Client {
    type Response = Answer;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Answer, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        // The pool has no bound of its own; requests are bounded before they come here, by `concurrency`.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Request { http, destination, begun, .. }: Request) -> Self::Future {
        match destination {
            Destination::Account => Box::pin(self.0.accounts.clone().send(http, begun).map_ok(answer)),
            Destination::Elsewhere => {
                let sent = self.0.elsewhere.request(http.into()).map_err(|error| failure(&error));
                Box::pin(sent.map_ok(|response| answer(shared(response))))
            }
        }
    }
}

fn answer(Heard { status, fields, body, at }: Heard) -> Answer {
    Answer { status, fields, body: Body::new(body), remaining: None, ticket: 0, at }
}

fn failure(error: &legacy::Error) -> Failure {
    if error.is_connect() {
        Failure::Unreachable(causes(error))
    } else {
        Failure::Incomplete(format!("no answer: {}", causes(error)))
    }
}
