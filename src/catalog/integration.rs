//! What the catalog says of an integration as a whole.

pub(crate) mod document;

use std::sync::Arc;

use http::HeaderName;

use super::{places::Places, tool::Tool};

/// A vendor's API as the catalog describes it.
#[derive(Debug)]
pub struct Integration {
    /// The name used in tool names and configuration (`affinity`).
    pub name: String,
    /// The name for people (`Affinity`).
    pub title: String,
    /// Where the API is, without a slash at the end.
    pub base_url: String,
    /// How a credential is put on a request.
    pub authentication: Authentication,
    /// Constant headers of every request.
    pub headers: Vec<(HeaderName, http::HeaderValue)>,
    /// Which headers of an answer speak of rate limits.
    pub rate_limits: Vec<RateLimit>,
    /// How errors look.
    pub errors: Errors,
    /// Every tag that a tool may bear, with what it covers.
    pub tags: Vec<(String, String)>,
    /// All tools, in the order of the files and the methods in them.
    pub tools: Vec<Tool>,
    /// The place of every tool in [`Integration::tools`], by its name.
    pub(crate) places: Places,
}

impl Integration {
    /// The place of the tool of this name in [`Integration::tools`].
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.find(name, &self.tools)
    }
}

/// How a credential is put on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// `Authorization: Bearer <credential>` (RFC 6750).
    Bearer,
    /// `Authorization: Basic`, the credential as password of an empty user (RFC 7617).
    BasicPassword,
    /// A header of its own.
    Header(HeaderName),
    /// None at all.
    None,
}

/// The headers of one rate-limit bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The bucket's name (`user`).
    pub scope: Arc<str>,
    /// Header that holds the limit.
    pub limit: HeaderName,
    /// Header that holds what is left.
    pub remaining: HeaderName,
    /// Header that holds the seconds until the reset.
    pub reset: HeaderName,
    /// Length of the window in seconds, where it is fixed.
    pub window: Option<u64>,
}

/// How the errors of an API look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Where messages are in a body: paths of keys, `*` for every item of a list (`/errors/*/message`).
    pub messages: Vec<String>,
    /// What an error means; the first rule that fits is taken.
    pub rules: Vec<ErrorRule>,
}

/// What an error means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRule {
    /// HTTP status.
    pub status: u16,
    /// A part of the message, ASCII case-insensitive; `None` fits every message.
    pub contains: Option<String>,
    /// The `error` word of the tool result.
    pub error: String,
    /// What the caller can do about it.
    pub hint: Option<String>,
}
