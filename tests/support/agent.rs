//! MCP as an agent speaks it, in the handshake era (2025-11-25), a fresh connection a request.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Answer, exchange, post};

const ALWAYS: [(&str, &str); 3] = [
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("mcp-protocol-version", "2025-11-25"),
];

/// An agent at one MCP server.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    address: SocketAddr,
    path: String,
    headers: Vec<(String, String)>,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The HTTP answer.
    pub(crate) answer: Answer,
    /// The JSON-RPC message in it; `null` where there is none.
    pub(crate) message: Value,
}

impl Agent {
    /// An agent at this path.
    pub(crate) fn new(address: SocketAddr, path: &str) -> Self {
        Self { address, path: path.into(), headers: Vec::new() }
    }

    /// The same agent with one more header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Call a tool.
    pub(crate) fn call(&self, tool: &str, arguments: &Value) -> Reply {
        self.request("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    /// The names of all tools, in the order of the answer; empty where the answer is not a list.
    pub(crate) fn tools(&self) -> Vec<String> {
        let reply = self.request("tools/list", &json!({}));
        let tools = reply.message["result"]["tools"].as_array().cloned().unwrap_or_default();
        tools.iter().filter_map(|tool| tool["name"].as_str()).map(str::to_owned).collect()
    }

    /// Send a request.
    ///
    /// # Panics
    /// If there is no HTTP answer.
    pub(crate) fn request(&self, method: &str, params: &Value) -> Reply {
        self.try_request(method, params).unwrap_or_else(|trouble| panic!("{method}: {trouble}"))
    }

    /// Send a request.
    ///
    /// # Errors
    /// There is no HTTP answer.
    pub(crate) fn try_request(&self, method: &str, params: &Value) -> Result<Reply, String> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let more = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers: Vec<_> = ALWAYS.into_iter().chain(more).collect();
        let answer = exchange(self.address, &post(&self.path, &headers, body.as_bytes()))?;
        let message = answer.json().unwrap_or_default();
        Ok(Reply { answer, message })
    }
}

impl Reply {
    /// The code of a JSON-RPC error.
    pub(crate) fn code(&self) -> Option<i64> {
        self.message["error"]["code"].as_i64()
    }

    /// The message of a JSON-RPC error.
    pub(crate) fn error(&self) -> &str {
        self.message["error"]["message"].as_str().unwrap_or_default()
    }

    /// Is this a tool result that says so itself that it failed?
    pub(crate) fn is_tool_error(&self) -> bool {
        self.message["result"]["isError"] == true
    }

    /// `structuredContent` of a tool result.
    pub(crate) fn structured(&self) -> &Value {
        &self.message["result"]["structuredContent"]
    }
}
