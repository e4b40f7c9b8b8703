//! The one request every contender gets: a tool call of MCP 2026-07-28, each with a number of its own.
//!
//! The floor forwards these bytes as they are, so that both contenders read the same; only what they make of them
//! differs. The bytes are written once per connection and the number is put in its places.

use std::net::SocketAddr;

use clap::ValueEnum;

/// Name of the MCP server that is called.
pub(crate) const SERVER: &str = "road";
/// The tool that is called.
pub(crate) const TOOL: &str = "list_all_affinity_persons";
/// What stands before the number in the query, and so in the answer.
pub(crate) const QUERY_PREFIX: &str = "road-";
/// Digits of a number. No number begins with a zero, so that it can be a JSON-RPC id too.
pub(crate) const DIGITS: usize = 12;
/// The first number there is.
pub(crate) const FIRST_NUMBER: u64 = 100_000_000_000;

/// What an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// The upstream's own list, forwarded.
    Rest,
    /// The tool result made of it.
    Mcp,
}

/// A request with room for the number.
#[derive(Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    /// Where the number stands.
    places: Vec<usize>,
}

impl Request {
    /// The request as sent to `target`.
    pub(crate) fn to(target: SocketAddr) -> Self {
        let hole = "#".repeat(DIGITS);
        let body = format!(
            concat!(
                r#"{{"jsonrpc":"2.0","id":{hole},"method":"tools/call","params":{{"#,
                r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
                r#""io.modelcontextprotocol/clientInfo":{{"name":"road","version":"1.0.0"}},"#,
                r#""io.modelcontextprotocol/clientCapabilities":{{}}}},"#,
                r#""name":"{tool}","arguments":{{"query":"{prefix}{hole}"}}}}}}"#,
            ),
            hole = hole,
            tool = TOOL,
            prefix = QUERY_PREFIX,
        );
        let text = format!(
            "POST /mcp/{SERVER} HTTP/1.1\r\nhost: {target}\r\nuser-agent: road/1.0.0\r\n\
             content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
             mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: {TOOL}\r\n\
             content-length: {length}\r\n\r\n{body}",
            length = body.len(),
        );
        let places = text.match_indices(&hole).map(|(place, _)| place).collect();
        Self { bytes: text.into_bytes(), places }
    }

    /// The bytes of the call with this number, and the number as it is written.
    pub(crate) fn numbered(&mut self, number: u64) -> (&[u8], [u8; DIGITS]) {
        let digits = digits(number);
        for &place in &self.places {
            self.bytes[place..place + DIGITS].copy_from_slice(&digits);
        }
        (&self.bytes, digits)
    }
}

/// The last [`DIGITS`] digits of `number`.
fn digits(mut number: u64) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(number % 10).expect("a remainder of ten is one digit");
        number /= 10;
    }
    digits
}
