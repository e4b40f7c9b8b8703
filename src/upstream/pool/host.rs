//! The connections to one host.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{
    HeaderValue, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::{
    client::legacy::connect::Connection as _,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceExt};

use super::super::connector::{Connector, IDLE};
use super::super::failure::Failure;
use super::super::http1::Connection;
use crate::causes::causes;
use crate::tcp::KEEPALIVE;

/// A connection of HTTP/1.1.
pub(super) type Http1 = Connection<TokioIo<<Connector as Service<Uri>>::Response>>;
type Http2 = http2::SendRequest<Full<Bytes>>;

/// One host and its connections.
pub(in super::super) struct Host {
    root: Uri,
    header: HeaderValue,
    connector: Connector,
    /// Held while the first connection is made, and while one of HTTP/2 is: nobody else needs to make it too.
    connecting: tokio::sync::Mutex<()>,
    speaks_http1: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Idle connections of HTTP/1.1, the newest last.
    idle: Vec<Idle>,
    /// Is somebody looking after those that nobody takes?
    is_swept: bool,
    /// The one connection of HTTP/2.
    shared: Option<Http2>,
}

struct Idle {
    connection: Box<Http1>,
    since: Instant,
}

/// A way to send a request.
pub(super) enum Sender {
    /// A connection that nobody else is using.
    Own(Box<Http1>),
    /// One that everybody uses.
    Shared(Http2),
}

/// What becomes of a request that could not be sent on the way it was given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsent {
    /// The connection had been idle.
    MayGoElsewhere,
    /// The connection was made for it.
    IsRefused,
}

impl Host {
    /// A host without connections.
    ///
    /// # Errors
    /// A bug: they make no URL.
    pub(super) fn new(scheme: &Scheme, authority: &Authority, connector: Connector) -> Result<Arc<Self>, Failure> {
        let mut parts = http::uri::Parts::default();
        (parts.scheme, parts.authority) = (Some(scheme.clone()), Some(authority.clone()));
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        let bug = |error: http::Error| Failure::Bug(format!("no URL: {error}"));
        let root = Uri::from_parts(parts).map_err(|error| bug(error.into()))?;
        Ok(Arc::new(Self {
            header: named(scheme, authority).map_err(|error| bug(error.into()))?,
            root,
            connector,
            connecting: tokio::sync::Mutex::default(),
            speaks_http1: AtomicBool::new(false),
            state: Mutex::default(),
        }))
    }

    /// Is it the host of this scheme and authority?
    pub(super) fn is(&self, scheme: &Scheme, authority: &Authority) -> bool {
        self.root.authority() == Some(authority) && self.root.scheme() == Some(scheme)
    }

    /// The `Host` header.
    pub(super) fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The newest idle connection, or a new one. To make one takes a future of kilobytes, TLS included: it is boxed, so that
    /// no call has to hold room for it that finds a connection.
    ///
    /// # Errors
    /// [`Failure::Unreachable`]: no connection could be made.
    pub(super) async fn sender(&self, now: Instant) -> Result<(Sender, Unsent), Failure> {
        if let Some(sender) = self.known(now) {
            return Ok((sender, Unsent::MayGoElsewhere));
        }
        if self.speaks_http1.load(Ordering::Relaxed) {
            return Box::pin(self.connect()).await;
        }
        let connecting = self.connecting.lock().await;
        if let Some(sender) = self.known(now) {
            return Ok((sender, Unsent::MayGoElsewhere));
        }
        // Known by now, perhaps: then nobody need wait for this one.
        let _connecting = (!self.speaks_http1.load(Ordering::Relaxed)).then_some(connecting);
        Box::pin(self.connect()).await
    }

    fn known(&self, now: Instant) -> Option<Sender> {
        let mut state = self.state();
        while let Some(Idle { mut connection, since }) = state.idle.pop() {
            if connection.is_quiet() && now.saturating_duration_since(since) < IDLE {
                return Some(Sender::Own(connection));
            }
        }
        state.shared.take_if(|sender| !sender.is_ready());
        state.shared.clone().map(Sender::Shared)
    }

    async fn connect(&self) -> Result<(Sender, Unsent), Failure> {
        let unreachable = |error: hyper::Error| Failure::Unreachable(causes(&error));
        let connected = self.connector.clone().oneshot(self.root.clone()).await;
        let io = connected.map_err(|error| Failure::Unreachable(causes(&*error)))?;
        let is_http2 = io.connected().is_negotiated_h2();
        self.speaks_http1.store(!is_http2, Ordering::Relaxed);
        let sender = if is_http2 {
            let handshake = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(KEEPALIVE)
                .adaptive_window(true)
                .handshake(io);
            let (sender, connection) = handshake.await.map_err(unreachable)?;
            tokio::spawn(until_it_ends(connection));
            self.state().shared = Some(sender.clone());
            Sender::Shared(sender)
        } else {
            Sender::Own(Box::new(Connection::new(TokioIo::new(io), self.root.scheme() == Some(&Scheme::HTTPS))))
        };
        Ok((sender, Unsent::IsRefused))
    }

    /// Keep a connection that has nothing to do since this time.
    pub(super) fn keep(self: &Arc<Self>, connection: Box<Http1>, since: Instant) {
        let mut state = self.state();
        state.idle.push(Idle { connection, since });
        if !state.is_swept {
            state.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Let go of connections that nobody has taken for a while, until there is none left.
async fn sweep(host: Weak<Host>) {
    loop {
        sleep(IDLE / 2).await;
        let Some(host) = host.upgrade() else { return };
        let mut state = host.state();
        state.idle.retain_mut(|idle| idle.connection.is_quiet() && idle.since.elapsed() < IDLE);
        state.is_swept = !state.idle.is_empty();
        if !state.is_swept {
            return;
        }
    }
}

/// Drives a connection. No `async fn`: that would have room for it twice.
fn until_it_ends(connection: impl Future<Output = Result<(), hyper::Error>>) -> impl Future<Output = ()> {
    connection.map(|ended| {
        if let Err(error) = ended {
            // Whoever waits for an answer on it is told by itself.
            tracing::debug!(%error, "a connection to an upstream ended");
        }
    })
}

/// The `Host` header of a URL: without the port where it is the scheme's own (RFC 9110 section 7.2).
fn named(scheme: &Scheme, authority: &Authority) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let usual = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    match authority.port_u16() {
        Some(port) if port != usual => HeaderValue::try_from(format!("{}:{port}", authority.host())),
        _ => HeaderValue::try_from(authority.host()),
    }
}
