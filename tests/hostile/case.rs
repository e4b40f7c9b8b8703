//! One hostile input, the answer it must get, and the stand on which it is tried.

use serde_json::{Value, json};

use crate::support::{Agent, Answer, Chaperone, Received, Scripted, Setup, Upstream, exchange, exchange_cut_off, post};

/// The body limit that the stand is set to, in bytes.
pub(crate) const MAX_BODY: usize = 256 * 1024;

/// The MCP server of the stand.
pub(crate) const PATH: &str = "/mcp/hostile";

const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("mcp-protocol-version", "2025-11-25"),
];

/// The answer a case must get.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    /// A JSON-RPC error with this HTTP status and code.
    Fault(u16, i64),
    /// A tool result that says that the call failed; nothing was sent upstream.
    ToolError,
    /// A result.
    Fine,
    /// 202 and no body.
    Accepted,
    /// A refusal of HTTP itself with this status, in whatever form.
    Http(u16),
    /// A result under an id that is, to the byte, this one.
    Echo(String),
}

/// One hostile input.
pub(crate) struct Case {
    what: String,
    bytes: Vec<u8>,
    want: Want,
    cut_off: bool,
}

impl Case {
    /// These bytes on a fresh connection.
    pub(crate) fn raw(what: &str, bytes: impl Into<Vec<u8>>, want: Want) -> Self {
        Self { what: what.into(), bytes: bytes.into(), want, cut_off: false }
    }

    /// A well-formed POST of this body, in the handshake era.
    pub(crate) fn body(body: impl AsRef<[u8]>, want: Want) -> Self {
        Self::raw(&shown(body.as_ref()), post(PATH, &HEADERS, body.as_ref()), want)
    }

    /// A well-formed request with these params, as JSON text.
    pub(crate) fn params(method: &str, params: &str, want: Want) -> Self {
        Self::body(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#), want)
    }

    /// A well-formed call of this tool with these arguments, as JSON text.
    pub(crate) fn call(tool: &str, arguments: &str, want: Want) -> Self {
        Self::params("tools/call", &format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#), want)
    }

    /// The same, but the client says after the bytes that nothing more will come.
    pub(crate) fn cut_off(mut self) -> Self {
        self.cut_off = true;
        self
    }
}

/// Bytes for a report, cut where they are long.
fn shown(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes).chars().take(160).collect();
    format!("{text:?}")
}

/// A server and its upstream.
pub(crate) struct Stand {
    upstream: Upstream,
    chaperone: Chaperone,
    agent: Agent,
}

impl Stand {
    /// The built-in catalog, everything allowed, limits that a test can reach.
    pub(crate) fn start() -> Self {
        let upstream = Upstream::start();
        upstream.answer(|request| match request.method.as_str() {
            "GET" if request.path == "/persons" => {
                Scripted::json(200, &json!({"persons": [], "next_page_token": null}))
            }
            _ => Scripted::json(200, &json!({"id": 1})),
        });
        let limits = format!("limits: {{max_body: {MAX_BODY}B}}\nupstream: {{call_timeout: 2s}}");
        let setup = Setup::new(upstream.address()).policy("hostile", "token: none").with(&limits);
        let chaperone = Chaperone::serve(&setup);
        let agent = chaperone.agent("hostile");
        Self { upstream, chaperone, agent }
    }

    /// What is wrong with the answer to a case, if anything is.
    pub(crate) fn trouble(&self, case: &Case) -> Option<String> {
        let send = if case.cut_off { exchange_cut_off } else { exchange };
        let found = send(self.chaperone.address(), &case.bytes).and_then(|answer| judge(&answer, &case.want));
        let reached = self.upstream.take();
        let found = found.and_then(|()| reached.iter().try_for_each(inside)).and_then(|()| match case.want {
            Want::Fine | Want::Echo(_) => Ok(()),
            _ if reached.is_empty() => Ok(()),
            _ => Err("something was sent upstream".into()),
        });
        let found = found.and_then(|()| self.works_on());
        found.err().map(|trouble| format!("{}: {trouble}", case.what))
    }

    fn works_on(&self) -> Result<(), String> {
        let reply = self.agent.call("get_single_affinity_person_by_id", &json!({"id": 1}));
        self.upstream.take();
        if reply.structured() == &json!({"id": 1}) { Ok(()) } else { Err("the next good call failed".into()) }
    }
}

/// Is a request that reached the upstream of a form that some template of the catalog gives?
fn inside(request: &Received) -> Result<(), String> {
    let form: Vec<&str> = request
        .path
        .split('/')
        .map(|segment| if segment.bytes().all(|b| b.is_ascii_digit()) && !segment.is_empty() { "{}" } else { segment })
        .collect();
    let known = ["/persons", "/persons/{}", "/lists/{}/list-entries/{}", "/notes", "/entity-files/download/{}"];
    let evil = request.headers.iter().any(|(name, _)| name.contains("evil") || name == "cookie");
    let keys_are_known = request.query.split('&').filter(|pair| !pair.is_empty()).all(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        ["term", "page_size", "page_token"].contains(&key)
    });
    if known.contains(&form.join("/").as_str()) && !evil && keys_are_known {
        Ok(())
    } else {
        Err(format!("the upstream got {} {}?{} {:?}", request.method, request.path, request.query, request.headers))
    }
}

fn judge(answer: &Answer, want: &Want) -> Result<(), String> {
    let message = answer.json().unwrap_or_default();
    let code = message["error"]["code"].as_i64();
    let result = message.get("result");
    let is_error = result.is_some_and(|result| result["isError"] == true);
    let body = String::from_utf8_lossy(&answer.body);
    let fits = match want {
        Want::Fault(status, expected) => answer.status == *status && code == Some(*expected) && is_message(&message),
        Want::ToolError => answer.status == 200 && is_error && message["id"] == 1 && is_message(&message),
        Want::Fine => answer.status == 200 && result.is_some() && !is_error && is_message(&message),
        Want::Accepted => answer.status == 202 && answer.body.is_empty(),
        Want::Http(status) => answer.status == *status && result.is_none(),
        Want::Echo(id) => {
            answer.status == 200 && body.contains("\"result\"") && body.contains(&format!("\"id\":{id},"))
        }
    };
    if fits { Ok(()) } else { Err(format!("expected {want:?}, found {} {}", answer.status, shown(&answer.body))) }
}

/// A JSON-RPC answer: the version, and a result or an error but not both.
fn is_message(message: &Value) -> bool {
    message["jsonrpc"] == "2.0" && message.get("result").is_some() != message.get("error").is_some()
}
