//! An MCP server as requests see it: decisions are look-ups, everything else is worked out at load.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    document::Document,
    instructions,
    key::ServerKey,
    verdicts::{Decision, Known, Verdicts},
};
use crate::account::Account;
use crate::catalog::{offer::Offer, tool::Tool};
use crate::rate::Limits;

/// A compiled MCP server.
///
/// Of thousands of servers most are cold in the processor's caches when they are called. So what every call needs comes
/// first and lies together.
#[derive(Debug)]
#[repr(C)]
pub struct Server {
    /// Stable id: `file:<name>` for a server made by a file.
    pub id: Arc<str>,
    /// Tells whose turn it is where servers take turns.
    pub key: ServerKey,
    /// Its name in its document.
    pub name: Arc<str>,
    /// The account behind it.
    pub account: Arc<Account>,
    /// Counts up with every change of the set of servers; caches hang on it.
    pub generation: u64,
    /// Its place among the servers of its generation, from 0.
    pub ordinal: usize,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// Must a caller also present an API token?
    pub requires_api_token: bool,
    /// Pass an upstream 429 on as HTTP 429 too.
    pub rate_limit_status: bool,
    /// How often it may be used, by all its callers together, if that is limited.
    pub limits: Option<Box<Limits>>,
    verdicts: Arc<Verdicts>,
    /// How often one API token may be used, at all servers together.
    pub api_token_limits: Limits,
    /// The tools it shows, in the order of the catalog.
    pub tools: Arc<[Offer]>,
    /// What it may do, in words for an agent: methods, tags, tools, expiry.
    pub instructions: String,
}

impl Server {
    /// Compile the document of a file with the verdicts of its policy.
    #[must_use]
    pub fn compile(document: &Document, known: &Known, account: Arc<Account>, generation: u64) -> Self {
        let (name, tools) = (document.name.value.as_str(), known.verdicts.tools.clone());
        let id = format!("file:{name}");
        Self {
            key: ServerKey::of(&id),
            id: id.into(),
            name: name.into(),
            generation,
            ordinal: 0,
            expires_at: document.expires_at.as_ref().map(|at| at.value),
            requires_api_token: document.policy.requires_api_token,
            rate_limit_status: document.policy.rate_limit_status,
            limits: Some(document.policy.limits).filter(|limits| *limits != Limits::default()).map(Box::new),
            api_token_limits: Limits::default(),
            instructions: instructions::write(&account, document, &known.rules, &tools),
            account,
            tools,
            verdicts: known.verdicts.clone(),
        }
    }

    /// The same server with these limits for each API token.
    #[must_use]
    pub fn with_api_token_limits(self, api_token_limits: Limits) -> Self {
        Self { api_token_limits, ..self }
    }

    /// Decide of a tool name.
    #[must_use]
    pub fn decide(&self, name: &str) -> Decision<'_> {
        self.decision(self.place(name))
    }

    /// Where the catalog has the tool of this name; `None` if it has none.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.account.integration.place(name)
    }

    /// The tool at this place of the catalog, as [`Server::place`] gave it.
    #[must_use]
    pub fn tool(&self, place: usize) -> &Tool {
        &self.account.integration.tools[place]
    }

    /// What is decided of the tool at this place of the catalog, as [`Server::place`] gave it: no look-up by name.
    #[must_use]
    pub fn decision(&self, place: Option<usize>) -> Decision<'_> {
        match place {
            Some(place) => self.verdicts.of(place),
            None => Decision::Unknown,
        }
    }

    /// Is the server past its expiry at this time?
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<Timestamp> {
        self.expires_at.filter(|at| *at <= now)
    }

    /// Every tool of the integration, in the order of the catalog, with what is decided of it.
    pub fn explain(&self) -> impl Iterator<Item = (&Tool, Decision<'_>)> {
        self.account.integration.tools.iter().enumerate().map(|(place, tool)| (tool, self.verdicts.of(place)))
    }

    /// The tools it shows.
    pub fn visible(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter().map(Offer::tool)
    }
}
