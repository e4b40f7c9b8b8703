//! The road, and whoever asks on it.

use std::{cell::Cell, convert::Infallible, sync::Arc};

use arc_swap::ArcSwap;
use bytes::Bytes;
use chaperone::{
    app::assemble::{self, Assembled, Sources},
    clock::{Clock, Hand},
    config::Config,
    edge::limits::Gate,
    policy::quota::Counter,
    stack::{self, World},
    telemetry::observer::Observer,
    upstream::Upstream,
};
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::{ServiceExt as _, util::BoxCloneService};

use crate::support::Setup;

/// The time when a test begins.
pub(crate) const START: &str = "2029-12-31T23:59:59Z";

pub(crate) type Service = BoxCloneService<Request<Full<Bytes>>, Response<chaperone::mcp::body::Body>, Infallible>;

/// Everything between an HTTP request and the upstream.
pub(crate) struct Road {
    pub(crate) runtime: Runtime,
    pub(crate) world: World,
    pub(crate) hand: Hand,
    pub(crate) service: Service,
    config: Config,
    generation: Cell<u64>,
    _folder: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) parts: http::response::Parts,
    pub(crate) body: Bytes,
}

impl Road {
    pub(crate) fn over(setup: &Setup) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (folder, Assembled { config, registry, .. }) = assembled(setup, 1);
        let (clock, hand) = Clock::manual(START.parse().unwrap());
        let world = World {
            registry: Arc::new(ArcSwap::from_pointee(registry)),
            gate: Gate::new(8),
            clock,
            observer: Observer::quiet().unwrap(),
            counter: Counter::new(&config.quota).unwrap(),
        };
        let service = BoxCloneService::new(open(&world, &config));
        Self { runtime, world, hand, service, config, generation: Cell::new(1), _folder: folder }
    }

    /// The same road as a listener needs it.
    pub(crate) fn for_connections(
        &self,
    ) -> impl tower::Service<
        Request<chaperone::serve::incoming::Incoming>,
        Response = Response<chaperone::mcp::body::Body>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + 'static {
        open(&self.world, &self.config)
    }

    /// Serve this set from now on.
    pub(crate) fn swap(&self, setup: &Setup) {
        self.generation.set(self.generation.get() + 1);
        let (_, assembled) = assembled(setup, self.generation.get());
        self.world.registry.store(Arc::new(assembled.registry));
    }

    pub(crate) fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        self.runtime.block_on(async {
            let Ok(response) = self.service.clone().oneshot(request).await;
            let (parts, body) = response.into_parts();
            Reply { parts, body: body.collect().await.unwrap().to_bytes() }
        })
    }

    /// POST a message in the handshake era.
    pub(crate) fn ask(&self, path: &str, headers: &[(&str, &str)], message: &Value) -> Reply {
        self.send(post(path, headers, message))
    }

    /// Call a tool of the open server of this name.
    pub(crate) fn call(&self, server: &str, tool: &str, arguments: &Value) -> Reply {
        self.ask(&format!("/mcp/{server}"), &[], &call(tool, arguments))
    }
}

fn open<B>(
    world: &World,
    config: &Config,
) -> impl tower::Service<Request<B>, Response = Response<chaperone::mcp::body::Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    stack::road(world, &config.edge, &config.upstream, Upstream::new(&config.upstream).unwrap())
}

fn assembled(setup: &Setup, generation: u64) -> (TempDir, Assembled) {
    let folder = setup.write();
    let sources = Sources {
        config_path: Some(folder.path().join("chaperone.yaml")),
        flags: Vec::new(),
        environment: Arc::new(|_: &str| None),
        listening: None,
    };
    let assembled = assemble::assemble(&sources, generation).unwrap_or_else(|faults| panic!("{faults}"));
    (folder, assembled)
}

pub(crate) fn post(path: &str, headers: &[(&str, &str)], message: &Value) -> Request<Full<Bytes>> {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(message.to_string().into())).unwrap()
}

pub(crate) fn message(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

pub(crate) fn call(tool: &str, arguments: &Value) -> Value {
    message("tools/call", &json!({"name": tool, "arguments": arguments}))
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.parts.status.as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
