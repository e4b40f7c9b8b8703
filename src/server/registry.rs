//! All MCP servers that are being served, as one immutable set.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Server, api_tokens::ApiTokens, token};
use crate::document::{Fault, Faults, Spot};
use crate::hash::QuickHash;

pub use super::token::TokenHash;

/// The set of MCP servers that requests see; a reload makes a new one beside it and swaps.
#[derive(Debug, Default)]
pub struct Registry {
    generation: u64,
    servers: Vec<Arc<Server>>,
    by_token: HashMap<TokenHash, Arc<Server>, QuickHash>,
    open: HashMap<Arc<str>, Arc<Server>, QuickHash>,
    /// Names of open servers that are the token of another one, which goes first.
    shadowed: HashSet<Arc<str>>,
    api_tokens: ApiTokens,
}

/// What opens a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The token with this hash.
    Token(TokenHash),
    /// Nothing is asked for: whoever reaches the port.
    Open,
}

/// A server on its way into the set, and where its document says name and token.
#[derive(Debug)]
pub struct Entry {
    /// The server.
    pub server: Server,
    /// What opens it.
    pub access: Access,
    /// Where its name stands.
    pub name_at: Spot,
    /// Where its token stands.
    pub token_at: Spot,
}

impl Registry {
    /// The set of these servers.
    ///
    /// # Errors
    /// Every name and every token that two documents share, each naming both.
    pub fn new(generation: u64, entries: Vec<Entry>, api_tokens: ApiTokens) -> Result<Self, Faults> {
        let mut registry = Self { generation, api_tokens, ..Self::default() };
        let mut faults = twice(&entries, |entry| Some((entry.server.name.clone(), &entry.name_at)), "name");
        faults.extend(twice(&entries, |entry| Some((hash(entry)?, &entry.token_at)), "token"));
        for (ordinal, Entry { mut server, access, .. }) in entries.into_iter().enumerate() {
            server.ordinal = ordinal;
            let server = Arc::new(server);
            match access {
                Access::Token(hash) => registry.by_token.insert(hash, server.clone()),
                Access::Open => registry.open.insert(server.name.clone(), server.clone()),
            };
            registry.servers.push(server);
        }
        let is_token = |name: &&Arc<str>| registry.by_token.contains_key(&token::hash(name));
        registry.shadowed = registry.open.keys().filter(is_token).cloned().collect();
        registry.servers.sort_by(|a, b| a.name.cmp(&b.name));
        Faults(faults).into_result(registry)
    }

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

    /// The server at `/mcp/{segment}`: whose token this is, or who has this name and `token: none`. A name costs no hash
    /// of a token: it is no secret, so it is looked for first.
    #[must_use]
    pub fn at(&self, segment: &str) -> Option<&Arc<Server>> {
        let open = self.open(segment).filter(|server| !self.shadowed.contains(&server.name));
        open.or_else(|| self.by_token(segment))
    }

    /// The server that a token opens. The token is compared by its hash.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<&Arc<Server>> {
        self.by_token.get(&token::hash(token))
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
        self.api_tokens.get(&token::hash(token))
    }
}

fn hash(entry: &Entry) -> Option<TokenHash> {
    match entry.access {
        Access::Token(hash) => Some(hash),
        Access::Open => None,
    }
}

fn twice<'e, K: Eq + std::hash::Hash>(
    entries: &'e [Entry],
    key: impl Fn(&'e Entry) -> Option<(K, &'e Spot)>,
    what: &str,
) -> Vec<Fault> {
    let mut first: HashMap<K, &Spot> = HashMap::new();
    let mut faults = Vec::new();
    for (key, spot) in entries.iter().filter_map(key) {
        match first.get(&key) {
            Some(earlier) => {
                let file = &earlier.file;
                faults.push(spot.fault(format!("the same {what} is in {file}, expected every {what} once")));
            }
            None => {
                first.insert(key, spot);
            }
        }
    }
    faults
}
