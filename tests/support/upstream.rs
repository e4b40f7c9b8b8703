//! A stand-in for a vendor's API: records every request and answers as it is told to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A request that reached the upstream.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// HTTP method.
    pub(crate) method: String,
    /// The path as it was sent, percent-encoding included.
    pub(crate) path: String,
    /// The query as it was sent, without `?`.
    pub(crate) query: String,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Bytes,
}

impl Received {
    /// The first header of this name (in lower case).
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An answer that the upstream is told to give.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers besides the framing.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Bytes,
}

impl Scripted {
    /// A JSON answer.
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self { status, headers, body: body.to_string().into() }
    }
}

type Script = Box<dyn Fn(&Received) -> Scripted + Send>;

struct Stage {
    script: Script,
    received: Vec<Received>,
    /// May answers go out?
    open: watch::Sender<bool>,
    /// How many requests have come in all.
    count: watch::Sender<usize>,
}

/// The stand-in; it ends when it is dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    stage: Arc<Mutex<Stage>>,
    runtime: Runtime,
}

impl Upstream {
    /// Listen on a free port of loopback; until told otherwise, every answer is `200 {}`.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let script: Script = Box::new(|_| Scripted::json(200, &serde_json::json!({})));
        let stage = Arc::new(Mutex::new(Stage {
            script,
            received: Vec::new(),
            open: watch::channel(true).0,
            count: watch::channel(0).0,
        }));
        runtime.spawn(accept(listener, Arc::clone(&stage)));
        Self { address, stage, runtime }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answer like this from now on.
    pub(crate) fn answer(&self, script: impl Fn(&Received) -> Scripted + Send + 'static) {
        self.stage().script = Box::new(script);
    }

    /// The requests that came since the last time.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.stage().received)
    }

    /// Take requests in and answer none of them, until [`Upstream::release`].
    pub(crate) fn hold(&self) {
        self.stage().open.send_replace(false);
    }

    /// Answer everything that was held, and what comes.
    pub(crate) fn release(&self) {
        self.stage().open.send_replace(true);
    }

    /// Comes back when so many requests have come in all.
    pub(crate) fn wait_for(&self, requests: usize) {
        let mut count = self.stage().count.subscribe();
        self.runtime.block_on(async { count.wait_for(|count| *count >= requests).await.map(drop) }).expect("it lives");
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, stage: Arc<Mutex<Stage>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let stage = Arc::clone(&stage);
        let service = service_fn(move |request| respond(request, Arc::clone(&stage)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(request: Request<Incoming>, stage: Arc<Mutex<Stage>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let received = Received {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default(),
    };
    let (scripted, mut open) = {
        let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
        let scripted = (stage.script)(&received);
        stage.received.push(received);
        stage.count.send_modify(|count| *count += 1);
        (scripted, stage.open.subscribe())
    };
    // The sender is gone when the test is.
    let _ = open.wait_for(|open| *open).await;
    let mut response = Response::builder().status(scripted.status);
    for (name, value) in scripted.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(scripted.body)).expect("a scripted answer is valid HTTP"))
}
