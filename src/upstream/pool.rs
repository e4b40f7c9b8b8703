//! The connections to the accounts' hosts, kept from call to call: HTTP/1.1, one request at a time each, or one of HTTP/2
//! for all, as the host chooses by ALPN.
//!
//! This is the road of every call, so it holds no more than a call needs: the newest idle connection is taken, and given
//! back when the answer was read to its end. What is dropped before goes down with its request, which cancels it.

mod host;

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::{Request, Response, Uri, header, uri::PathAndQuery};
use http_body_util::Full;
use hyper::body::Incoming;

use super::connector::Connector;
use super::failure::Failure;
use crate::causes::causes;
use host::{Host, Sender, Unsent};

pub(super) use host::Lease;

/// The hosts that were called since the start.
pub(super) struct Pool {
    connector: Connector,
    /// Accounts of one vendor have one host, or very few: to look at each costs less than to hash a name.
    hosts: RwLock<Vec<Arc<Host>>>,
}

impl Pool {
    /// No connection yet.
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, hosts: RwLock::default() }
    }

    /// Send a request to where its URL says. The lease is to be kept until the body of the answer is read, or dropped.
    ///
    /// # Errors
    /// [`Failure::Unreachable`]: nothing left. [`Failure::Incomplete`]: there was no answer.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would have room for the request twice")]
    pub(super) fn send(
        self: Arc<Self>,
        mut request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<(Response<Incoming>, Option<Lease>), Failure>> {
        async move {
            let host = self.host(request.uri())?;
            let absolute = request.uri().clone();
            loop {
                let (sender, is_new) = host.sender().await?;
                let tried = match sender {
                    Sender::Own(mut sender) => {
                        *request.uri_mut() = origin_form(&absolute);
                        request.headers_mut().insert(header::HOST, host.header().clone());
                        let tried = sender.try_send_request(request).await;
                        tried.map(|response| (response, Some(Lease::new(host.clone(), sender))))
                    }
                    Sender::Shared(mut sender) => {
                        request.uri_mut().clone_from(&absolute);
                        request.headers_mut().remove(header::HOST);
                        sender.try_send_request(request).await.map(|response| (response, None))
                    }
                };
                let mut error = match tried {
                    Ok(answered) => return Ok(answered),
                    Err(error) => error,
                };
                request = match (error.take_message(), is_new) {
                    // Its peer had ended the connection while it was idle: another one will do.
                    (Some(unsent), Unsent::MayGoElsewhere) => unsent,
                    (Some(_), Unsent::IsRefused) => return Err(Failure::Unreachable(causes(error.error()))),
                    (None, _) => return Err(Failure::Incomplete(format!("no answer: {}", causes(error.error())))),
                };
            }
        }
    }

    fn host(&self, uri: &Uri) -> Result<Arc<Host>, Failure> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(Failure::Bug("a request to nowhere".into()));
        };
        let known = |hosts: &[Arc<Host>]| hosts.iter().find(|host| host.is(scheme, authority)).cloned();
        if let Some(host) = known(&self.hosts.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(host);
        }
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = known(&hosts) {
            return Ok(host);
        }
        let host = Host::new(scheme, authority, self.connector.clone())?;
        hosts.push(host.clone());
        Ok(host)
    }
}

/// What HTTP/1.1 writes into the request line (RFC 9112 section 3.2.1).
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")).into()
}
