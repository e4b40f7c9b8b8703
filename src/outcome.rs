//! What came of a call that was carried out: the answer for the agent, and what it took.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock, Mutex, PoisonError},
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
    /// A page of a list: becomes such an object too.
    List(List),
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

/// A page of a list. The text of its items is kept apart from the object around it, so that it need not be copied.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// The text of a JSON array.
    pub items: Bytes,
    /// Asks for the next page; base64url, which needs no escapes.
    pub next_cursor: Option<String>,
}

impl List {
    /// What stands before the items.
    pub const HEAD: &str = "{\"result\":";

    /// What stands behind the items.
    #[must_use]
    pub fn tail(&self) -> Cow<'static, str> {
        match &self.next_cursor {
            Some(cursor) => format!(",\"next_cursor\":\"{cursor}\"}}").into(),
            None => ",\"next_cursor\":null}".into(),
        }
    }

    /// The whole object.
    #[must_use]
    pub fn json(&self) -> Bytes {
        [Self::HEAD.as_bytes(), &self.items, self.tail().as_bytes()].concat().into()
    }
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
    /// That of a request for which nobody was asked.
    #[must_use]
    pub fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<Exchange>> = LazyLock::new(Arc::default);
        NONE.clone()
    }

    /// Requests that were tries of an earlier one again.
    #[must_use]
    pub fn resent(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.resend > 0).count()
    }
}

/// What the upstream has done for a call so far. A clone sees the same, so that it is known of a call that is dropped on
/// its way. No lock is held across an await.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Exchange>>);

impl Progress {
    /// Look at it, or count something.
    pub fn with<T>(&self, count: impl FnOnce(&mut Exchange) -> T) -> T {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All that was counted, as if the requests that are under way ended now; what is counted later belongs to nobody.
    #[must_use]
    pub fn finish(&self, now: Instant) -> Exchange {
        let mut exchange = self.with(std::mem::take);
        for attempt in exchange.attempts.iter_mut().filter(|attempt| attempt.duration == Attempt::UNDER_WAY) {
            attempt.duration = now.saturating_duration_since(attempt.begun);
        }
        let begun = exchange.attempts.iter().map(|attempt| attempt.begun).min();
        let elapsed = begun.map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun));
        Exchange { elapsed, waited: waited(&exchange.attempts), ..exchange }
    }
}

/// The time in which at least one of them was under way.
fn waited(attempts: &[Attempt]) -> Duration {
    if let [only] = attempts {
        return only.duration;
    }
    let mut total = Duration::ZERO;
    let mut covered = None;
    let mut attempts: Vec<_> = attempts.iter().collect();
    // Who waited for a slot began later than its number says.
    attempts.sort_by_key(|attempt| attempt.begun);
    for attempt in attempts {
        let end = attempt.begun + attempt.duration;
        let begun = covered.map_or(attempt.begun, |covered| attempt.begun.max(covered));
        total += end.saturating_duration_since(begun);
        covered = Some(covered.map_or(end, |covered| end.max(covered)));
    }
    total
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

impl Attempt {
    /// Its duration until it is known how it ended.
    pub const UNDER_WAY: Duration = Duration::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_around_a_list_is_the_same_whatever_the_upstream() {
        let list = |items: &'static str, cursor: Option<&str>| {
            List { items: items.into(), next_cursor: cursor.map(str::to_owned) }.json()
        };
        assert_eq!(list("[1]", None), r#"{"result":[1],"next_cursor":null}"#);
        assert_eq!(list("[1,2]", Some("YQ")), r#"{"result":[1,2],"next_cursor":"YQ"}"#);
    }

    #[test]
    fn time_in_which_several_requests_are_under_way_counts_once() {
        let start = std::time::Instant::now();
        let attempt = |begun: u64, duration: u64| Attempt {
            span_id: 1,
            method: http::Method::GET,
            elsewhere: None,
            resend: 0,
            status: None,
            remaining: None,
            begun: start + Duration::from_millis(begun),
            duration: Duration::from_millis(duration),
        };
        for (attempts, expected) in [
            (&[][..], 0),
            (&[(5, 10)], 10),
            (&[(0, 10), (20, 10)], 20),
            (&[(0, 10), (5, 10), (6, 2)], 15),
            (&[(0, 30), (5, 10), (40, 1)], 31),
            (&[(40, 1), (0, 30)], 31),
        ] {
            let attempts: Vec<_> = attempts.iter().map(|(begun, duration)| attempt(*begun, *duration)).collect();
            assert_eq!(waited(&attempts), Duration::from_millis(expected), "{attempts:?}");
        }
    }
}
