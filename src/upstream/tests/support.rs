//! What the tests of this room share: an invented catalog, orders, and a server that does as it is told.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::account::Account;
use crate::catalog::Catalog;
use crate::catalog::offer::Offer;
use crate::catalog::tool::{Body, Paging, PathTemplate, Place, Placed, Rest, Segment, Shape};
use crate::outcome::{Content, Outcome, Progress};
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::trace::TraceParent;
use crate::upstream::{Config, Order, Upstream};

/// The credential of the tests' account.
pub(in crate::upstream) const KEY: &str = "s3cret-k3y";

/// The object in a JSON value.
pub(in crate::upstream) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

/// An operation with path arguments only.
pub(in crate::upstream) fn rest(method: &str, template: &str) -> Rest {
    let path = PathTemplate::new(template);
    let places = path.segments().filter_map(|segment| match segment {
        Segment::Argument(name) => Some(Placed { argument: name.into(), place: Place::Path }),
        Segment::Literal(_) => None,
    });
    Rest {
        method: method.parse().unwrap(),
        places: places.collect(),
        body: Body::None,
        paging: Arc::new(Paging::None),
        fan_out: None,
        result: Shape::Object,
        path,
    }
}

/// A request that the server saw.
#[derive(Debug)]
pub(in crate::upstream) struct Seen {
    pub(in crate::upstream) method: Method,
    pub(in crate::upstream) uri: Uri,
    pub(in crate::upstream) headers: HeaderMap,
    pub(in crate::upstream) body: Bytes,
}

impl Seen {
    /// The value of a query parameter.
    pub(in crate::upstream) fn parameter(&self, name: &str) -> Option<&str> {
        self.uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// A server on loopback. It ends with the test's runtime.
pub(in crate::upstream) struct Server {
    pub(in crate::upstream) address: SocketAddr,
    pub(in crate::upstream) seen: Arc<Mutex<Vec<Seen>>>,
    pub(in crate::upstream) connections: Arc<AtomicUsize>,
}

impl Server {
    /// A server that answers every request by this function.
    pub(in crate::upstream) async fn start(
        answer: impl Fn(&Seen) -> Response<Full<Bytes>> + Clone + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = seen.clone();
        let serve = move |stream: TcpStream| {
            let (answer, log) = (answer.clone(), log.clone());
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (answer, log) = (answer.clone(), log.clone());
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let request = Seen { method: head.method, uri: head.uri, headers: head.headers, body };
                    let response = answer(&request);
                    log.lock().unwrap().push(request);
                    Ok::<_, Infallible>(response)
                }
            });
            async move {
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                drop(connection.await);
            }
        };
        Self { seen, ..Self::raw(serve).await }
    }

    /// A server that does this with every connection.
    pub(in crate::upstream) async fn raw<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Self { address, seen: Arc::default(), connections }
    }

    /// An account of the invented API on this server.
    pub(in crate::upstream) fn account(&self) -> Arc<Account> {
        account(&format!("http://{}/api", self.address))
    }

    /// Call a tool on this server.
    pub(in crate::upstream) async fn call(&self, tool: &str, arguments: Value) -> Result<Outcome, Refusal> {
        let upstream = Upstream::new(&Config::default()).unwrap();
        upstream.carry_out(order(&self.account(), tool, &arguments, Duration::from_secs(20))).await
    }

    /// The one request that was seen.
    pub(in crate::upstream) fn only(&self) -> Seen {
        let mut seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

/// An account of the invented API.
pub(in crate::upstream) fn account(base_url: &str) -> Arc<Account> {
    let catalog = Catalog::from_texts(&[
        ("crm/integration.yaml", include_str!("integration.yaml")),
        ("crm/things.yaml", include_str!("things.yaml")),
    ]);
    let integration = catalog.unwrap_or_else(|faults| panic!("{faults}")).integration("crm").unwrap().clone();
    let account = Account::new("a".into(), integration, base_url.parse().unwrap(), false, Secret::new(KEY));
    Arc::new(account.unwrap())
}

/// A call of a tool that may take `time`.
pub(in crate::upstream) fn order(account: &Arc<Account>, tool: &str, arguments: &Value, time: Duration) -> Order {
    let integration = account.integration.clone();
    let index = integration.tools.iter().position(|known| &*known.name == tool).unwrap_or_else(|| panic!("no {tool}"));
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let arguments = integration.tools[index].checker.check(Some(&arguments.to_string()), now).unwrap();
    Order {
        server: crate::server::ServerKey::of("file:test"),
        account: account.clone(),
        offer: Offer { integration, index },
        arguments,
        now,
        deadline: Instant::now() + time,
        trace: TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap(),
        progress: Progress::default(),
    }
}

/// A JSON answer.
pub(in crate::upstream) fn answer(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::new(body.into())).unwrap()
}

/// The JSON of an outcome.
pub(in crate::upstream) fn json(outcome: &Outcome) -> Value {
    match &outcome.content {
        Content::Json(text) => serde_json::from_slice(text).unwrap(),
        Content::List(list) => serde_json::from_slice(&list.json()).unwrap(),
        blocks @ Content::Blocks { .. } => panic!("not JSON: {blocks:?}"),
    }
}
