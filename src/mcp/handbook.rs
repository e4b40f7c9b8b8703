//! The answers of a server that are the same for everybody: `initialize`, `server/discover` and `tools/list`.
//!
//! They are serialised once per server and policy generation and kept in a cache until the next generation is asked for;
//! answering is a look-up and a write.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use moka::sync::Cache;
use opentelemetry::KeyValue;
use serde_json::{Value, json};

use super::era::{MODERN, Revision};
use crate::server::Server;
use crate::telemetry::metrics::Reading;

/// How long a client may keep `tools/list` (MCP 2026-07-28 `ttlMs`): a changed policy is enforced at once and shown
/// after this long.
const TTL_MS: u64 = 60_000;

/// Handbooks that are found by their server's place, at a fraction of a look-up.
const AT_HAND: usize = 16;

/// Handbooks kept at once; one that falls out is made again in about a millisecond.
const KEPT: u64 = 1024;

/// The serialised `result` objects of one server.
#[derive(Debug)]
pub struct Handbook {
    server: Arc<str>,
    generation: u64,
    initialize: [Bytes; 2],
    discover: Bytes,
    tools: [Bytes; 2],
}

impl Handbook {
    fn of(server: &Server) -> Self {
        let initialize = [Revision::V2025June, Revision::V2025November].map(|revision| {
            let capabilities = json!({"tools": {"listChanged": false}});
            let value = json!({
                "protocolVersion": revision.name(), "capabilities": capabilities, "serverInfo": info(server),
                "instructions": server.instructions,
            });
            value.to_string().into()
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
        let tools = [format!(r#"{{"tools":[{tools}]}}"#).into(), modern.into()];
        Self {
            server: server.id.clone(),
            generation: server.generation,
            initialize,
            discover: discover.to_string().into(),
            tools,
        }
    }

    fn is_of(&self, server: &Server) -> bool {
        self.generation == server.generation && Arc::ptr_eq(&self.server, &server.id)
    }

    /// The result of `initialize`.
    #[must_use]
    pub fn initialize(&self, agreed: Revision) -> &Bytes {
        &self.initialize[usize::from(agreed != Revision::V2025June)]
    }

    /// The result of `server/discover`.
    #[must_use]
    pub fn discover(&self) -> &Bytes {
        &self.discover
    }

    /// The result of `tools/list`.
    #[must_use]
    pub fn tools(&self, revision: Revision) -> &Bytes {
        &self.tools[usize::from(revision.modern())]
    }
}

fn info(server: &Server) -> Value {
    let title = format!("{}: {}", server.account.integration.title, server.name);
    json!({"name": "chaperone", "title": title, "version": env!("CARGO_PKG_VERSION")})
}

/// Handbooks by server, each of the generation that was asked for last.
#[derive(Clone, Debug)]
pub struct Library(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    at_hand: [ArcSwapOption<Handbook>; AT_HAND],
    kept: Cache<Arc<str>, Arc<Handbook>>,
    asked: AtomicU64,
    made: AtomicU64,
}

impl Default for Library {
    fn default() -> Self {
        let (asked, made) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Shelf { at_hand: Default::default(), kept: Cache::new(KEPT), asked, made }))
    }
}

impl Library {
    /// The handbook of a server as it is now.
    #[must_use]
    pub fn of(&self, server: &Server) -> Arc<Handbook> {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        let at_hand = &self.0.at_hand[server.ordinal % AT_HAND];
        if let Some(handbook) = at_hand.load().as_ref().filter(|handbook| handbook.is_of(server)) {
            return handbook.clone();
        }
        let make = || {
            self.0.made.fetch_add(1, Ordering::Relaxed);
            Arc::new(Handbook::of(server))
        };
        // Under the server alone: nobody asks for a generation again that is over, but its handbook would stay.
        let is_of_another = |kept: &Arc<Handbook>| kept.generation != server.generation;
        let handbook = self.0.kept.entry_by_ref(&server.id).or_insert_with_if(make, is_of_another).into_value();
        at_hand.store(Some(handbook.clone()));
        handbook
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::account::Account;
    use crate::app::assemble;
    use crate::catalog::Catalog;
    use crate::secret::Secret;

    fn server() -> Server {
        let catalog = Catalog::builtin().unwrap();
        let (affinity, url) = (catalog.integration("affinity").unwrap().clone(), "https://affinity.example".parse());
        let account = Account::new("acme".into(), affinity, url.unwrap(), false, Secret::new("")).unwrap();
        let documents = [("s.yaml", "{name: s, account: acme, token: none}")];
        let listen = "127.0.0.1:8080".parse().unwrap();
        let registry = assemble::from_documents(&documents, vec![Arc::new(account)], HashMap::new(), listen).unwrap();
        let server = registry.servers()[0].clone();
        drop(registry);
        Arc::into_inner(server).unwrap()
    }

    #[test]
    fn a_handbook_is_made_once_a_generation_and_takes_the_place_of_the_one_before() {
        let (library, mut server) = (Library::default(), server());
        for generation in 1..=3 {
            server.generation = generation;
            assert_eq!(library.of(&server).generation, generation);
            assert_eq!(library.of(&server).generation, generation);
            assert_eq!(library.0.made.load(Ordering::Relaxed), generation);
        }
        library.0.kept.run_pending_tasks();
        assert_eq!(library.0.kept.entry_count(), 1);
    }
}
