//! What came of a call that was carried out: the answer for the agent, and what it took.

use std::time::Duration;

use bytes::Bytes;

use crate::budget::Budget;

/// The answer to a call, in the agent's terms.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the agent gets.
    pub content: Content,
    /// What the upstream took for it.
    pub exchange: Exchange,
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
    /// Requests among them that were tries of an earlier one again.
    pub resent: u32,
    /// Longest time that one of the requests waited for other calls of the account.
    pub waited: Duration,
    /// Bytes of upstream bodies that were read.
    pub received: u64,
    /// What the upstream said of its limits.
    pub budget: Budget,
}
