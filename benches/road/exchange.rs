//! What is asked of a contender, and which answer is right.
//!
//! The bytes are written once per connection; the number of a call is put in its places, so that no two calls are the
//! same.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The tool of the small call.
pub(crate) const TOOL: &str = "list_all_affinity_persons";
/// What stands before the number in the query, and so in the answer.
pub(crate) const QUERY_PREFIX: &str = "road-";
/// Digits of a number. No number begins with a zero, so that it can be a JSON-RPC id too.
pub(crate) const DIGITS: usize = 12;
/// The first number there is.
pub(crate) const FIRST_NUMBER: u64 = 100_000_000_000;
/// Where the number goes.
pub(crate) const NUMBER_HOLE: &str = "############";
/// Where the number of the MCP server goes, for contenders that have many.
pub(crate) const SERVER_HOLE: &str = "@@@@@";
/// Where the number of the tool goes, for contenders that have many.
pub(crate) const TOOL_HOLE: &str = "%%%%%";

const META: &str = concat!(
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"road","version":"1.0.0"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}"#,
);

/// A request with holes, and how its answer is known.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Exchange {
    pub(crate) path: String,
    /// Besides those that every request has.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// What stands near the beginning of every right answer.
    pub(crate) holds: String,
    /// Whether the query stands there too.
    pub(crate) echoes: bool,
    /// MCP servers that are called in turn.
    pub(crate) servers: u64,
    /// Tools that are called in turn.
    pub(crate) tools: u64,
}

impl Exchange {
    /// A call of `tool` on `server`, in MCP 2026-07-28.
    pub(crate) fn call(server: &str, tool: &str) -> Self {
        let arguments = format!(r#"{{"query":"{QUERY_PREFIX}{NUMBER_HOLE}"}}"#);
        let mut exchange = Self::method(server, "tools/call", &format!(r#","name":"{tool}","arguments":{arguments}"#));
        exchange.headers.push(("mcp-name".to_owned(), tool.to_owned()));
        exchange.echoes = true;
        exchange
    }

    /// What tools there are.
    pub(crate) fn list(server: &str) -> Self {
        Self { holds: r#""tools":["#.to_owned(), ..Self::method(server, "tools/list", "") }
    }

    /// The same request, whose answer holds `text` besides the query.
    pub(crate) fn answered_by(self, text: &str) -> Self {
        Self { holds: text.to_owned(), ..self }
    }

    fn method(server: &str, method: &str, params: &str) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            path: format!("/mcp/{server}"),
            headers: vec![
                header("accept", "application/json, text/event-stream"),
                header("mcp-protocol-version", "2026-07-28"),
                header("mcp-method", method),
            ],
            body: format!(r#"{{"jsonrpc":"2.0","id":{NUMBER_HOLE},"method":"{method}","params":{{{META}{params}}}}}"#),
            holds: r#""result":"#.to_owned(),
            echoes: false,
            servers: 1,
            tools: 1,
        }
    }

    /// The request as sent to `target`, its holes open.
    fn text(&self, target: SocketAddr) -> String {
        let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        format!(
            "POST {path} HTTP/1.1\r\nhost: {target}\r\nuser-agent: road/1.0.0\r\ncontent-type: application/json\r\n\
             {headers}content-length: {length}\r\n\r\n{body}",
            path = self.path,
            length = self.body.len(),
            body = self.body,
        )
    }
}

/// A request with room for numbers.
#[derive(Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    /// Where a number stands, how many digits it has, and how many different ones there are.
    places: Vec<(usize, usize, u64)>,
}

impl Request {
    /// The request of `exchange` as sent to `target`.
    pub(crate) fn new(exchange: &Exchange, target: SocketAddr) -> Self {
        let text = exchange.text(target);
        let holes = [(NUMBER_HOLE, u64::MAX), (SERVER_HOLE, exchange.servers), (TOOL_HOLE, exchange.tools)];
        let places = holes
            .iter()
            .flat_map(|&(hole, count)| text.match_indices(hole).map(move |(place, _)| (place, hole.len(), count)))
            .collect();
        Self { bytes: text.into_bytes(), places }
    }

    /// The bytes of the call with this number.
    pub(crate) fn numbered(&mut self, number: u64) -> &[u8] {
        for &(place, length, count) in &self.places {
            write_digits(number % count.max(1), &mut self.bytes[place..place + length]);
        }
        &self.bytes
    }
}

/// The query of the call with this number.
pub(crate) fn query(number: u64) -> [u8; QUERY_PREFIX.len() + DIGITS] {
    let mut query = [0; QUERY_PREFIX.len() + DIGITS];
    query[..QUERY_PREFIX.len()].copy_from_slice(QUERY_PREFIX.as_bytes());
    write_digits(number, &mut query[QUERY_PREFIX.len()..]);
    query
}

/// Fills `digits` with the last digits of `number`.
fn write_digits(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a remainder of ten is one digit");
        number /= 10;
    }
}
