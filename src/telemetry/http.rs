//! The HTTP client of the exporters: hyper over rustls with ring, as the way to the upstream is.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::{runtime::Handle, time::timeout};

use crate::tls;

/// A collector answers with a few bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// Sends exports. Requests are carried out on the runtime that was there when it was made, for exporters of metrics work
/// on threads of their own.
#[derive(Clone, Debug)]
pub(super) struct HyperClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
    limit: Duration,
}

impl HyperClient {
    /// A client with no connection yet. Needs a running tokio.
    ///
    /// # Errors
    /// The CA file cannot be used; for a person.
    pub(super) fn new(ca_file: Option<&Path>, limit: Duration) -> Result<Self, String> {
        let config = tls::client(ca_file).map_err(|error| format!("telemetry.otlp.ca_file: {error}"))?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, runtime: Handle::current(), limit })
    }
}

impl HttpClient for HyperClient {
    fn send_bytes<'s, 'f>(&'s self, request: Request<Bytes>) -> BoxFuture<'f, Result<Response<Bytes>, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        let (client, limit) = (self.client.clone(), self.limit);
        let sending = self.runtime.spawn(async move {
            let answered = timeout(limit, async {
                let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
                let body = Limited::new(body, LONGEST_ANSWER).collect().await?.to_bytes();
                Ok::<_, HttpError>(Response::from_parts(head, body))
            });
            answered.await.map_err(|_| HttpError::from("no answer in time"))?
        });
        Box::pin(async move { sending.await? })
    }
}
