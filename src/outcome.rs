//! What came of a call that was carried out: the answer for the agent, and what it took.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::budget::Budget;

/// The answer to a call, in the agent's terms.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the agent gets.
    pub content: Content,
    /// What the upstream took for it; telemetry keeps it beyond the answer.
    pub exchange: Arc<Exchange>,
}

/// The content of a tool result (MCP 2026-07-28 `server/tools`, "Tool Result").
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The text of one JSON object: becomes a text block and `structuredContent`, both from these bytes.
    Json(Bytes),
    /// Content blocks, with or without `structuredContent` (the text of a JSON object).
    Blocks {
        /// The blocks in order.
        blocks: Vec<Block>,
        /// `structuredContent`, the text of a JSON object.
        structured: Option<Bytes>,
        /// `isError`: only a static tool of the catalog sets it; faults of real calls are refusals.
        is_error: bool,
    },
}

/// One content block.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// `text`.
    Text(String),
    /// `image`; data in base64.
    Image {
        /// Base64 (RFC 4648 section 4).
        data: String,
        /// Media type.
        media_type: String,
    },
    /// `audio`; data in base64.
    Audio {
        /// Base64 (RFC 4648 section 4).
        data: String,
        /// Media type.
        media_type: String,
    },
    /// `resource` with a `blob`.
    Resource {
        /// The resource's URI, made by chaperone.
        uri: String,
        /// Media type.
        media_type: String,
        /// Base64 (RFC 4648 section 4).
        blob: String,
    },
    /// `resource_link`: the content is too large to be embedded.
    Link {
        /// Where the content can be had.
        uri: String,
        /// File name.
        name: String,
        /// Media type.
        media_type: String,
        /// Size in bytes, where known.
        size: Option<u64>,
    },
    /// A block given verbatim by the catalog: the text of a JSON object.
    Verbatim(Bytes),
}

/// What the upstream did for one call, for the headers of the answer and for the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchange {
    /// Status of the last upstream answer; `None` if there was none.
    pub status: Option<u16>,
    /// Requests that were sent.
    pub requests: u32,
    /// Time between the first byte sent and the last byte read.
    pub elapsed: Duration,
    /// Longest time that one of the requests waited for other calls of the account.
    pub queued: Duration,
    /// Bytes of upstream bodies that were read.
    pub received: u64,
    /// What the upstream said of its limits.
    pub budget: Budget,
    /// Every request, in the order in which they began.
    pub attempts: Vec<Attempt>,
    /// Time in which at least one request was under way; concurrent ones count once.
    pub waited: Duration,
}

impl Exchange {
    /// Requests that were tries of an earlier one again.
    #[must_use]
    pub fn resent(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.resend > 0).count()
    }
}

/// One HTTP request to the upstream, for its span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Id of its span; a `traceparent` that goes out names it.
    pub span_id: u64,
    /// HTTP method.
    pub method: http::Method,
    /// Host and port where it went, if that is not the account's API.
    pub elsewhere: Option<(String, u16)>,
    /// How often this very request had been sent before.
    pub resend: u32,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Requests left in the bucket nearest to exhaustion, as the answer said it.
    pub remaining: Option<u64>,
    /// When it was sent.
    pub begun: Instant,
    /// Until the last byte of the answer that was read.
    pub duration: Duration,
}
