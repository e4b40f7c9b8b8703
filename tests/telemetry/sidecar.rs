//! The road with its telemetry in one process, as a configuration says it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use chaperone::{
    app::assemble::{self, Sources},
    clock::Clock,
    edge::limits::Gate,
    policy::quota::Counter,
    stack::{self, World},
    telemetry::observer::{Background, Observer},
    upstream::Upstream,
};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{runtime::Runtime, time::Instant};
use tower::{ServiceExt as _, util::BoxCloneService};

use crate::support::{self, Setup};

pub(crate) struct Sidecar {
    runtime: Runtime,
    service: BoxCloneService<Request<Full<Bytes>>, Response<chaperone::mcp::body::Body>, Infallible>,
    pub(crate) observer: Observer,
    background: Option<Background>,
    pub(crate) folder: TempDir,
}

impl Sidecar {
    pub(crate) fn start(setup: &Setup) -> Self {
        Self::with(setup, &[])
    }

    /// With these variables in its environment.
    pub(crate) fn with(setup: &Setup, variables: &[(&str, &str)]) -> Self {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = Arc::new(move |name: &str| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        });
        let folder = setup.write();
        let sources = Sources {
            config_path: Some(folder.path().join("chaperone.yaml")),
            flags: Vec::new(),
            environment: environment.clone(),
            listening: None,
        };
        let assembled = assemble::assemble(&sources, 1).unwrap_or_else(|faults| panic!("{faults}"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let guard = runtime.enter();
        let (observer, background) = Observer::start(&assembled.config.telemetry, &*environment).unwrap();
        let world = World {
            registry: Arc::new(ArcSwap::from_pointee(assembled.registry)),
            gate: Gate::new(8),
            clock: Clock::system(),
            observer: observer.clone(),
            counter: Counter::new(&assembled.config.quota).unwrap(),
        };
        let (edge, upstream) = (&assembled.config.edge, &assembled.config.upstream);
        let road = stack::road(&world, edge, upstream, Upstream::new(upstream).unwrap());
        drop(guard);
        Self { runtime, service: BoxCloneService::new(road), observer, background: Some(background), folder }
    }

    /// POST a message to the open server of this name: the answer, and headers of the request.
    pub(crate) fn ask(&self, server: &str, headers: &[(&str, &str)], message: &Value) -> Value {
        let mut request = Request::post(format!("/mcp/{server}")).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(message.to_string().into())).unwrap();
        self.runtime.block_on(async {
            let Ok(response) = self.service.clone().oneshot(request).await;
            serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap_or_default()
        })
    }

    pub(crate) fn call(&self, server: &str, tool: &str, arguments: &Value) -> Value {
        self.ask(server, &[], &call(tool, arguments))
    }

    /// Call a tool and go away once the upstream has the request.
    pub(crate) fn abandon(&self, server: &str, tool: &str, upstream: &support::Upstream) {
        let request = Request::post(format!("/mcp/{server}")).header("content-type", "application/json");
        let request = request.body(Full::new(call(tool, &json!({"id": 7})).to_string().into())).unwrap();
        upstream.hold();
        let answer = self.runtime.spawn(self.service.clone().oneshot(request));
        upstream.wait_for(1);
        answer.abort();
        assert!(self.runtime.block_on(answer).unwrap_err().is_cancelled());
        upstream.release();
    }

    /// Wait until something holds; what never does fails the test.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Observer) -> bool) {
        self.runtime.block_on(async {
            let deadline = Instant::now() + Duration::from_secs(30);
            while !holds(&self.observer) {
                assert!(Instant::now() < deadline, "{what} never came");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }

    /// End as the program does.
    pub(crate) fn end(&mut self) {
        let background = self.background.take().unwrap();
        self.runtime.block_on(background.end(Instant::now() + Duration::from_secs(20)));
    }

    /// The lines of `/metrics`.
    pub(crate) fn metrics(&self) -> String {
        self.observer.metrics().exposition().unwrap()
    }
}

pub(crate) fn call(tool: &str, arguments: &Value) -> Value {
    message("tools/call", &json!({"name": tool, "arguments": arguments}))
}

pub(crate) fn message(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": "request-7", "method": method, "params": params})
}
