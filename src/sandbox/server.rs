//! The HTTP server: accept, read, ask the gate, answer.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, request::Parts};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use tokio::{net::TcpListener, time::Instant};

use super::{
    answer::{Answer, Fault, Result},
    call::Call,
    config::Config,
    gate,
    limit::Limits,
    request::Request,
    routes, seed,
    state::State,
    storage::{self, Signer},
    time::Time,
};
use crate::secret::Secret;

/// Time for requests in flight to finish once the shutdown has been asked for.
const DRAIN: Duration = Duration::from_secs(5);

/// A sandbox that listens.
#[derive(Debug)]
pub struct Sandbox {
    api: TcpListener,
    storage: TcpListener,
    local_addr: SocketAddr,
    shared: Arc<Shared>,
}

/// Which listener a connection came in by.
#[derive(Clone, Copy, Debug)]
enum Door {
    Api,
    Storage,
}

#[derive(Debug)]
struct Shared {
    api_key: Option<Secret>,
    latency: Duration,
    signer: Signer,
    world: Mutex<World>,
}

/// Everything that requests change.
#[derive(Debug)]
struct World {
    state: State,
    limits: Limits,
}

impl Sandbox {
    /// Read the seed and take the ports.
    ///
    /// Fails with the listener's error, or with [`io::ErrorKind::InvalidData`] and all faults of the seed.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let state = seed::load(config.seed.as_deref(), Time::now())?;
        let api = listen(config.listen).await?;
        let local_addr = api.local_addr()?;
        let storage = config.storage_listen.unwrap_or(SocketAddr::new(local_addr.ip(), 0));
        let storage = listen(storage).await?;
        let world = World { state, limits: Limits::new(config.rate_limit) };
        let shared = Shared {
            api_key: config.api_key,
            latency: config.latency,
            signer: Signer::new(storage.local_addr()?.port())?,
            world: Mutex::new(world),
        };
        Ok(Self { api, storage, local_addr, shared: Arc::new(shared) })
    }

    /// Where the API listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serve until `shutdown` is ready, then let requests in flight finish for up to five seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let connections = GracefulShutdown::new();
        loop {
            let (door, accepted) = tokio::select! {
                () = &mut shutdown => break,
                accepted = self.api.accept() => (Door::Api, accepted),
                accepted = self.storage.accept() => (Door::Storage, accepted),
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors or the like: wait for connections to end instead of spinning.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // Answers are small and whole; waiting for more to send would only add latency.
            let _ = stream.set_nodelay(true);
            let shared = self.shared.clone();
            let service = service_fn(move |request: http::Request<Incoming>| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(shared.serve(door, request).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connections.watch(connection));
        }
        drop((self.api, self.storage));
        let _ = tokio::time::timeout(DRAIN, connections.shutdown()).await;
    }
}

async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    TcpListener::bind(address).await.map_err(named)
}

impl Shared {
    async fn serve(&self, door: Door, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let answer = match door {
            Door::Api => self.api(head, body).await,
            Door::Storage => self.storage(&head).unwrap_or_else(Answer::from),
        };
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        answer.into_response()
    }

    async fn api(&self, head: Parts, body: Incoming) -> Answer {
        if let Err(fault) = gate::authenticate(&head.headers, self.api_key.as_ref()) {
            return fault.into();
        }
        self.operation(Request::read(head, body).await)
    }

    /// One API operation: count it, do it, write the limits on its answer.
    fn operation(&self, request: Result<Request>) -> Answer {
        let (now, today) = (Instant::now(), Time::now());
        let mut world = self.world();
        let World { state, limits } = &mut *world;
        let exempt = request.as_ref().is_ok_and(|request| routes::is_exempt(&request.path));
        let result = limits.take(exempt, now, today).and(request).and_then(|request| {
            let call = Call { request, now: today, clock: now, limits, signer: &self.signer };
            routes::dispatch(state, &call)
        });
        let mut answer = result.unwrap_or_else(Answer::from);
        limits.write(answer.headers_mut(), now, today);
        answer
    }

    fn storage(&self, head: &Parts) -> Result {
        let id = self.signer.open(head, Time::now())?;
        let world = self.world();
        world.state.files.get(id).map(storage::content).ok_or_else(Fault::unknown_endpoint)
    }

    /// A handler that panicked left the records it was changing as they were then: good enough for a sandbox.
    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
