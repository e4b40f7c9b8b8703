//! What the operations work on: a configuration with one account and one policy, a request, a call.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use chaperone::app::assemble::{self, Assembled, Sources};
use chaperone::call::{Arguments, Call, Caller, Origin};
use chaperone::catalog::offer::Offer;
use chaperone::config::Config;
use chaperone::mcp::identity::{Identified, Identity};
use chaperone::outcome::Progress;
use chaperone::server::registry::Registry;
use chaperone::server::{Decision, Server};
use chaperone::trace::TraceParent;
use chaperone::upstream::Order;
use http::Request;
use http_body_util::Full;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::Error;

/// The tool that is called.
pub(crate) const TOOL: &str = "list_all_affinity_persons";
/// The call of every bench: the road bench makes the same.
pub(crate) const CALL: &str = concat!(
    r#"{"jsonrpc":"2.0","id":100000000000,"method":"tools/call","params":{"#,
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"road","version":"1.0.0"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{}},"#,
    r#""name":"list_all_affinity_persons","arguments":{"query":"road-100000000000"}}}"#,
);
const LIST_TOOLS: &str = concat!(
    r#"{"jsonrpc":"2.0","id":100000000000,"method":"tools/list","params":{"#,
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"road","version":"1.0.0"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}}}"#,
);
const ARGUMENTS: &str = r#"{"query":"road-100000000000"}"#;
const PERSON: &str = concat!(
    r#"{"id":38706,"type":0,"first_name":"Jane \"JD\"","last_name":"Doe","primary_email":"jane.doe@acme.example","#,
    r#""emails":["jane.doe@acme.example"],"organization_ids":[3209384]}"#,
);

/// What a request is judged by.
pub(crate) struct Scene {
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    server: Arc<Server>,
    /// The files it was read from.
    _folder: TempDir,
}

impl Scene {
    /// A server with every tool whose account is at `upstream`; `more` are keys of the configuration file, as YAML.
    pub(crate) fn new(upstream: SocketAddr, more: &str) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let (policies, key) = (folder.path().join("policies"), folder.path().join("key"));
        fs::create_dir(&policies)?;
        fs::write(policies.join("road.yaml"), "name: road\naccount: road\nconfig: {}\ntoken: none\n")?;
        fs::write(&key, "road-key")?;
        let path = folder.path().join("chaperone.yaml");
        let configuration = format!(
            "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\npolicies: {policies}\n\
             accounts:\n  - id: road\n    integration: affinity\n    base_url: http://{upstream}\n    \
             credentials: {{api_key: {{file: {key}}}}}\n{more}\n",
            policies = policies.display(),
            key = key.display(),
        );
        fs::write(&path, configuration)?;
        let sources = Sources::of_process(Some(path), Vec::new());
        let assembled = assemble::assemble(&sources, 1).map_err(|faults| faults.to_string())?;
        let Assembled { config, registry, .. } = assembled;
        let server = registry.open("road").ok_or("expected the server that was written")?.clone();
        Ok(Self { config, registry, server, _folder: folder })
    }

    pub(crate) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The tool that is called, as its server grants it.
    pub(crate) fn offer(&self) -> Offer {
        match self.server.decide(TOOL) {
            Decision::Allowed { offer, .. } => offer.clone(),
            _ => unreachable!("the server has every tool"),
        }
    }

    /// The request behind `identify`.
    pub(crate) fn identified(&self, http: Request<Full<Bytes>>) -> Identified<Full<Bytes>> {
        let server = self.server.clone();
        Identified { http, identity: Identity { server, api_token: None, now: Timestamp::now() } }
    }

    /// The call as the call plane gets it.
    pub(crate) fn call(&self) -> Call {
        Call {
            server: self.server.clone(),
            caller: Caller { api_token: None, client: Some("road".into()), client_version: Some("1.0.0".into()) },
            asked: TOOL.into(),
            place: self.server.place(TOOL),
            arguments: Arguments::Raw(Some(arguments())),
            granted: None,
            now: Timestamp::now(),
            deadline: Instant::now() + self.config.upstream.call_timeout,
            trace: TraceParent::fresh(),
            progress: Progress::default(),
            origin: Origin {
                request_id: "100000000000".into(),
                revision: "2026-07-28",
                http: "1.1",
                ..Origin::default()
            },
        }
    }

    /// The call behind `authorize`.
    pub(crate) fn granted(&self) -> Call {
        Call { granted: Some(self.offer()), ..self.call() }
    }

    /// The call behind `arguments`.
    pub(crate) fn checked(&self) -> Call {
        let call = self.granted();
        let checked = self.offer().tool().checker.check(Some(&arguments()), call.now);
        Call { arguments: Arguments::Checked(checked.expect("these arguments fit")), ..call }
    }

    /// The call as the upstream gets it.
    pub(crate) fn order(&self) -> Order {
        Order::try_from(self.checked()).expect("the call is granted and checked")
    }
}

/// `tools/call` as an agent sends it.
pub(crate) fn call_request() -> Request<Full<Bytes>> {
    let mut request = post(CALL, "tools/call");
    request.headers_mut().insert("mcp-name", http::HeaderValue::from_static(TOOL));
    request
}

/// `tools/list` as an agent sends it.
pub(crate) fn list_request() -> Request<Full<Bytes>> {
    post(LIST_TOOLS, "tools/list")
}

fn post(body: &'static str, method: &'static str) -> Request<Full<Bytes>> {
    Request::post("/mcp/road")
        .header("host", "127.0.0.1:8080")
        .header("user-agent", "road/1.0.0")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .header("content-length", body.len())
        .body(Full::from(body))
        .expect("constant headers are valid")
}

/// The arguments of the call.
pub(crate) fn arguments() -> Box<str> {
    ARGUMENTS.into()
}

/// An answer of the upstream with so many people: 3 are about 500 bytes, 900 about 150 KB.
pub(crate) fn people(count: usize) -> String {
    format!(r#"{{"persons":[{}],"next_page_token":null}}"#, vec![PERSON; count].join(","))
}
