//! Listening, connections and the graceful end.

pub mod drain;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout_at},
};
use tower::Service;

use crate::edge::limits::Gate;
use drain::Drain;

/// What the listener is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where MCP traffic arrives (`listen`).
    pub listen: SocketAddr,
    /// Open connections at once; further ones wait in the kernel's queue (`limits.max_connections`).
    pub max_connections: usize,
    /// Time for a connection to send a request's headers (`limits.header_timeout`).
    pub header_timeout: Duration,
    /// Time for calls in flight to finish after SIGTERM (`limits.drain`).
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_connections: 4096,
            // Headers fit in one packet; who needs longer holds a connection for its own sake.
            header_timeout: Duration::from_secs(10),
            // Kubernetes kills after 30 s by default; this leaves room to say goodbye.
            drain: Duration::from_secs(25),
        }
    }
}

/// Pause after the kernel refuses to hand out a connection (out of descriptors): trying at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serve `road` on `listener` until the process is told to end, then end gracefully: the listener goes on for the
/// drain's linger, new requests are refused, those at work get until `config.drain` to finish.
pub async fn run<S>(listener: TcpListener, road: S, config: &Config, gate: Gate, mut drain: Drain)
where
    S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let door = Door::new(config);
    tokio::select! {
        () = door.accept(&listener, &road) => {}
        () = drain.begun() => {}
    }
    let deadline = Instant::now() + config.drain;
    tracing::info!(at_work = gate.at_work(), "draining");
    tokio::select! {
        () = door.accept(&listener, &road) => {}
        () = sleep(drain.linger()) => {}
    }
    gate.close();
    tokio::select! {
        () = door.accept(&listener, &road) => {}
        left = timeout_at(deadline, gate.idle()) => {
            if left.is_err() {
                tracing::warn!(at_work = gate.at_work(), "the drain time is over, calls are cut off");
            }
        }
    }
    drop(listener);
    // All answers are written by now or given up; what is left is to say goodbye on idle connections.
    let goodbye = deadline.max(Instant::now() + Duration::from_millis(500));
    if timeout_at(goodbye, door.graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// Takes connections in and watches over them.
struct Door {
    http: auto::Builder<TokioExecutor>,
    room: Arc<Semaphore>,
    graceful: GracefulShutdown,
}

impl Door {
    fn new(config: &Config) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1().timer(TokioTimer::new()).header_read_timeout(config.header_timeout);
        http.http2().timer(TokioTimer::new());
        let room = Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS)));
        Self { http, room, graceful: GracefulShutdown::new() }
    }

    /// Accept for ever; cancel it to stop.
    async fn accept<S>(&self, listener: &TcpListener, road: &S)
    where
        S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        loop {
            // Room first: a connection that cannot be served yet is better off in the kernel's queue.
            let Ok(permit) = self.room.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => self.serve(stream, road.clone(), permit),
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve<S>(&self, stream: TcpStream, road: S, permit: OwnedSemaphorePermit)
    where
        S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        // Without it a reply may wait 40 ms for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let connection = self.http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(road)).into_owned();
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
            drop(permit);
        });
    }
}

/// The peer gave up before it was accepted: the next one may be fine.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
