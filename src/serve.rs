//! Listening, connections and the graceful end.

mod connection;
pub mod drain;
mod http1;
mod idle;
pub mod incoming;
mod rewound;
mod untold;
mod version;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body::Body;
use hyper::server::conn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, timeout_at},
};
use tower::Service;

use crate::edge::limits::Gate;
use crate::tcp;
use connection::{Guarded, Heard, Polite, Word};
use drain::Drain;
use http1::Ended;
use idle::Note;
use incoming::Incoming;
use rewound::Rewound;
use version::Version;

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

/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to say so. HTTP/1.1 needs no
/// such question: the header timeout runs between requests too.
const PING: Duration = Duration::from_secs(30);

/// How long a connection may be idle between requests: longer than the pools of common clients keep one, so that it is
/// the client who ends it and never in the middle of its next request. As long may a client take nothing of an answer.
const IDLE: Duration = Duration::from_secs(75);

/// Largest head of a request, and largest trailer section of a chunked one, in bytes. hyper's own bound is that of its
/// buffer, and hangs on how the head comes in.
const LARGEST_HEAD: usize = 128 << 10;

/// How long what was cut off gets to say so in the log.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Serve `road` on `listener` until the process is told to end, then end gracefully: the listener goes on for the drain's
/// linger, new requests are refused, those at work get until `config.drain` to finish. The road is not told of every field of
/// a request (see `untold`).
pub async fn run<S, B>(listener: TcpListener, road: S, config: &Config, gate: Gate, mut drain: Drain)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
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
    // All answers are written by now or given up; what is left is to say goodbye on idle connections. A head that was
    // begun is not waited for: its request would be refused.
    door.end.send_replace(End::Goodbye);
    if !door.is_empty(deadline.max(Instant::now() + LAST_WORDS)).await {
        tracing::warn!("some connections did not end in time");
        // Their calls are dropped here, and write their lines, and not somewhere in the end of the runtime.
        door.end.send_replace(End::All);
        door.is_empty(Instant::now() + LAST_WORDS).await;
    }
}

/// Which connections are ended from outside, whatever they are at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// None.
    No,
    /// Those that have not asked anything, and the others as soon as what they asked is answered.
    Goodbye,
    /// Every one.
    All,
}

/// Takes connections in and watches over them.
struct Door {
    http1: conn::http1::Builder,
    http2: conn::http2::Builder<TokioExecutor>,
    header_timeout: Duration,
    idle: Duration,
    rooms: u32,
    room: Arc<Semaphore>,
    end: watch::Sender<End>,
}

impl Door {
    fn new(config: &Config) -> Self {
        let mut http1 = conn::http1::Builder::new();
        // hyper counts the wait for a request in; the first one has `header_timeout`, see `connection`.
        let idle = IDLE.max(config.header_timeout);
        http1.header_read_timeout(idle);
        http1.max_header_size(LARGEST_HEAD);
        let mut http2 = conn::http2::Builder::new(TokioExecutor::new());
        http2.timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PING);
        let rooms = u32::try_from(config.max_connections.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let room = Arc::new(Semaphore::new(rooms as usize));
        let (end, _) = watch::channel(End::No);
        Self { http1, http2, header_timeout: config.header_timeout, idle, rooms, room, end }
    }

    /// Accept for ever; cancel it to stop.
    async fn accept<S, B>(&self, listener: &TcpListener, road: &S)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
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

    /// Has every connection ended until then?
    async fn is_empty(&self, until: Instant) -> bool {
        timeout_at(until, self.room.acquire_many(self.rooms)).await.is_ok()
    }

    fn serve<S, B>(&self, stream: TcpStream, road: S, permit: OwnedSemaphorePermit)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
    {
        if let Err(error) = tcp::taken_in(&stream, IDLE) {
            tracing::debug!(%error, "an option of TCP was refused");
        }
        let heard = Heard::new(road);
        let (ear, silent) = (heard.ear(), heard.ear());
        let (note, word) = (Note::default(), Word::default());
        let connection = self.converse(stream, heard, note.clone(), word.clone());
        let (limit, idle, mut end) = (self.header_timeout, self.idle, self.end.subscribe());
        let guard = async move {
            tokio::select! {
                () = ear.silence(limit) => tracing::debug!("connection ended, it never asked anything"),
                () = note.due(idle) => tracing::debug!("connection ended, it asked nothing more"),
                () = async {
                    // The other end of this channel outlives every connection that matters.
                    let _ = end.wait_for(|end| *end != End::No).await;
                    word.give();
                    let _ = end.wait_for(|end| *end == End::All || silent.is_silent()).await;
                } => {}
            }
        };
        // No `async` block: that would have room for the connection twice.
        tokio::spawn(Guarded::new(connection, guard).map(move |ended| {
            if let Ok(Err(error)) = ended {
                tracing::debug!(%error, "connection ended early");
            }
            drop(permit);
        }));
    }

    /// One connection from its first byte to its last: here as long as nothing unusual comes, else by hyper.
    fn converse<I, S, B>(
        &self,
        io: I,
        road: Heard<S>,
        note: Note,
        word: Word,
    ) -> impl Future<Output = Result<(), hyper::Error>> + use<I, S, B>
    where
        I: AsyncRead + AsyncWrite + Unpin + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
    {
        let (mut http1, http2) = (self.http1.clone(), self.http2.clone());
        http1.timer(note.clone());
        let ear = road.ear();
        let usual = http1::Connection::new(io, road, ear.clone(), (note, self.idle), word.clone());
        // No `async` block: that would have room for the connection twice.
        usual.then(move |ended| async move {
            let Ended::Handed(road, first, io) = ended else { return Ok(()) };
            // A connection that has asked in HTTP/1.1 stays with it (RFC 9113 section 3.3).
            let version = if ear.is_silent() { Version::told_by(&first) } else { Version::Http1 };
            let io = TokioIo::new(Rewound::new(first, io));
            // Boxed: what hyper needs is no burden on every other connection.
            match version {
                Version::Http1 => Box::pin(Polite::new(http1.serve_connection(io, road), word)).await,
                Version::Http2 => Box::pin(Polite::new(http2.serve_connection(io, road), word)).await,
            }
        })
    }
}

/// The peer gave up before it was accepted: the next one may be fine.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
