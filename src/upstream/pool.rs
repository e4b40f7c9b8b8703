//! The connections to the accounts' hosts, kept from call to call: HTTP/1.1, one request at a time each, or one of HTTP/2
//! for all, as the host chooses by ALPN.
//!
//! This is the road of every call, so it holds no more than a call needs: the newest idle connection is taken, and given
//! back when the answer was read to its end. What is dropped before goes down with its request, which cancels it.

mod host;
mod reading;

use std::sync::{Arc, PoisonError, RwLock};

use http::{Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::connector::Connector;
use super::failure::Failure;
use super::fields::Fields;
use super::http1::Broken;
use super::message::Outgoing;
use crate::causes::causes;
use host::{Host, Http1, Sender, Unsent};

pub(super) use reading::Reading;

/// The hosts that were called since the start.
pub(super) struct Pool {
    connector: Connector,
    /// Accounts of one vendor have one host, or very few: to look at each costs less than to hash a name.
    hosts: RwLock<Vec<Arc<Host>>>,
}

/// An answer whose head is there.
pub(super) struct Heard {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its header fields.
    pub(super) fields: Fields,
    /// Its body, still to be read.
    pub(super) body: Reading,
    /// When its head was there.
    pub(super) at: Instant,
}

impl Pool {
    /// No connection yet.
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, hosts: RwLock::default() }
    }

    /// Send a request, made at this time, to where its URL says. Its connection is used again once the body of the answer
    /// is read.
    ///
    /// # Errors
    /// [`Failure::Unreachable`]: nothing left. [`Failure::Incomplete`]: there was no answer.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would have room for the request twice")]
    pub(super) fn send(
        self: Arc<Self>,
        mut request: Outgoing,
        begun: Instant,
    ) -> impl Future<Output = Result<Heard, Failure>> {
        async move {
            let host = self.host(&request.uri)?;
            request.set(header::HOST, host.header().clone());
            loop {
                let (sender, unsent) = host.sender(begun).await?;
                let (was_sent, why) = match sender {
                    Sender::Own(mut connection) => match connection.send(&request).await {
                        Ok(()) => {
                            // Nobody needs it any more, and others can use its room while this one waits.
                            drop(request);
                            return own(connection, host).await;
                        }
                        Err(Broken { was_sent, error }) => (was_sent, causes(&error)),
                    },
                    Sender::Shared(mut sender) => match sender.try_send_request(request.clone().into()).await {
                        Ok(response) => return Ok(shared(response)),
                        Err(mut error) => (error.take_message().is_none(), causes(error.error())),
                    },
                };
                match unsent {
                    _ if was_sent => return Err(Failure::Incomplete(format!("no answer: {why}"))),
                    Unsent::IsRefused => return Err(Failure::Unreachable(why)),
                    // Its peer had ended the connection while it was idle: another one will do.
                    Unsent::MayGoElsewhere => {}
                }
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

/// The answer to what was sent over a connection of its own.
async fn own(mut connection: Box<Http1>, host: Arc<Host>) -> Result<Heard, Failure> {
    let answered = connection.answer().await;
    let (status, fields) = answered.map_err(|error| Failure::Incomplete(format!("no answer: {}", causes(&error))))?;
    Ok(Heard { status, fields, body: Reading::own(connection, host), at: Instant::now() })
}

/// An answer over a connection that others use too.
pub(super) fn shared(response: Response<Incoming>) -> Heard {
    let (head, body) = response.into_parts();
    let fields = head.headers.iter().collect();
    Heard { status: head.status, fields, body: Reading::shared(body), at: Instant::now() }
}
