//! The answers of a server that are the same for everybody: `initialize`, `server/discover` and `tools/list`.
//!
//! They are serialised once per server and policy generation and kept in a cache; answering is a look-up and a write.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use moka::sync::Cache;
use opentelemetry::KeyValue;
use serde_json::{Value, json};

use super::era::{MODERN, Revision};
use crate::server::Server;
use crate::telemetry::metrics::Reading;

/// How long a client may keep `tools/list` (MCP 2026-07-28 `ttlMs`): a changed policy is enforced at once and shown
/// after this long.
const TTL_MS: u64 = 60_000;

/// Handbooks kept at once; one that falls out is made again in about a millisecond.
const KEPT: u64 = 1024;

/// The serialised `result` objects of one server.
#[derive(Debug)]
pub struct Handbook {
    initialize: [String; 2],
    discover: String,
    tools: [String; 2],
}

impl Handbook {
    fn of(server: &Server) -> Self {
        let initialize = [Revision::V2025June, Revision::V2025November].map(|revision| {
            let capabilities = json!({"tools": {"listChanged": false}});
            let value = json!({
                "protocolVersion": revision.name(), "capabilities": capabilities, "serverInfo": info(server),
                "instructions": server.instructions,
            });
            value.to_string()
        });
        let mut discover = json!({
            "resultType": "complete", "supportedVersions": [MODERN], "capabilities": {"tools": {}},
            "instructions": server.instructions, "ttlMs": TTL_MS, "cacheScope": "private",
        });
        discover["_meta"] = json!({"io.modelcontextprotocol/serverInfo": info(server)});
        let listings: Vec<&str> = server.visible().map(|tool| tool.listing.as_str()).collect();
        let tools = listings.join(",");
        let mut modern =
            format!(r#"{{"resultType":"complete","ttlMs":{TTL_MS},"cacheScope":"private","tools":[{tools}]"#);
        // Writing to a String cannot fail.
        let _ = write!(modern, r#","_meta":{}}}"#, discover["_meta"]);
        let tools = [format!(r#"{{"tools":[{tools}]}}"#), modern];
        Self { initialize, discover: discover.to_string(), tools }
    }

    /// The result of `initialize`.
    #[must_use]
    pub fn initialize(&self, agreed: Revision) -> &str {
        &self.initialize[usize::from(agreed != Revision::V2025June)]
    }

    /// The result of `server/discover`.
    #[must_use]
    pub fn discover(&self) -> &str {
        &self.discover
    }

    /// The result of `tools/list`.
    #[must_use]
    pub fn tools(&self, revision: Revision) -> &str {
        &self.tools[usize::from(revision.modern())]
    }
}

fn info(server: &Server) -> Value {
    let title = format!("{}: {}", server.account.integration.title, server.name);
    json!({"name": "chaperone", "title": title, "version": env!("CARGO_PKG_VERSION")})
}

/// Handbooks by server and policy generation.
#[derive(Clone, Debug)]
pub struct Library(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    kept: Cache<(String, u64), Arc<Handbook>>,
    asked: AtomicU64,
    made: AtomicU64,
}

impl Default for Library {
    fn default() -> Self {
        Self(Arc::new(Shelf { kept: Cache::new(KEPT), asked: AtomicU64::new(0), made: AtomicU64::new(0) }))
    }
}

impl Library {
    /// The handbook of a server as it is now.
    #[must_use]
    pub fn of(&self, server: &Server) -> Arc<Handbook> {
        let key = (server.id.clone(), server.generation);
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        self.0.kept.get_with(key, || {
            self.0.made.fetch_add(1, Ordering::Relaxed);
            Arc::new(Handbook::of(server))
        })
    }

    /// How often one was there, and how often it had to be made.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        let made = self.0.made.load(Ordering::Relaxed);
        let asked = self.0.asked.load(Ordering::Relaxed);
        let label = |name: &'static str| vec![KeyValue::new("chaperone.result", name)];
        vec![(asked.saturating_sub(made), label("hit")), (made, label("miss"))]
    }
}
