//! The pooled HTTP client: rustls with ring, HTTP/1.1 and HTTP/2 by ALPN.

use std::{
    path::Path,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Map},
};
use http::Uri;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, ResponseFuture, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tower::{BoxError, Service};

use super::Config;
use super::failure::{Failure, causes};
use super::plane::{Answer, Request};

/// Idle connections are dropped before the usual 60 to 75 s of load balancers end them in the middle of a request.
const IDLE: Duration = Duration::from_secs(55);
/// Below the shortest idle time-outs of NAT gateways (350 s at AWS), and soon enough to notice a dead peer.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// Sends requests over pooled connections. Dropping its future cancels the request.
#[derive(Clone)]
pub(super) struct Client(Arc<legacy::Client<Connector, Full<Bytes>>>);

impl Client {
    /// A client with no connection yet.
    ///
    /// # Errors
    /// The CA file cannot be used; for a person.
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(config.ca_file.as_deref())?)
            // Who may be spoken to without TLS is decided where the URL comes from: `Account::new` and `redirect`.
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_keep_alive_interval(KEEPALIVE)
            .http2_adaptive_window(true)
            .build(Connector { inner: https, limit: config.connect_timeout });
        Ok(Self(Arc::new(client)))
    }
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let unusable = |why: &dyn std::fmt::Display| {
            format!("the CA file {} cannot be used, expected certificates in PEM: {why}", path.display())
        };
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
            roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
        }
        if roots.len() == before {
            return Err(unusable(&"it holds no certificate"));
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

type Sent = Result<http::Response<Incoming>, legacy::Error>;

impl Service<Request> for Client {
    type Response = Answer;
    type Error = Failure;
    type Future = Map<ResponseFuture, fn(Sent) -> Result<Answer, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        // The pool has no bound of its own; calls are bounded before they come here.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.0.request(request.http).map(answered)
    }
}

fn answered(sent: Sent) -> Result<Answer, Failure> {
    match sent {
        Ok(http) => Ok(Answer { http }),
        Err(error) if error.is_connect() => Err(Failure::Unreachable(causes(&error))),
        Err(error) => Err(Failure::Incomplete(format!("no answer: {}", causes(&error)))),
    }
}

/// Bounds the making of a connection, name look-up and TLS included.
#[derive(Clone)]
struct Connector {
    inner: HttpsConnector<HttpConnector>,
    limit: Duration,
}

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = BoxError;
    /// Boxed once a connection, not once a call.
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, limit) = (self.inner.call(to), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(made) => made,
                Err(_) => Err(format!("no connection within {limit:?}").into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificates_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = tls(Some(file.path())).unwrap_err();
        assert!(error.contains("it holds no certificate"), "{error}");
        let error = tls(Some("/nowhere/ca.pem".as_ref())).unwrap_err();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
    }
}
