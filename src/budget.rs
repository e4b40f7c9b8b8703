//! What is known of a rate limit, and the headers that say it.
//!
//! A [`Bucket`] is one limit as its owner last stated it; a [`Budget`] is all that one answer stated. What the headers
//! of an answer say comes from the bucket nearest to exhaustion.

use std::{cmp::Ordering, ops::Range, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::decimal::Decimal;

/// One rate limit: how much there is, how much is left, when it is full again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The bucket's name in the catalog (`user`, `org`); it becomes the policy name of the `RateLimit` fields.
    pub scope: Arc<str>,
    /// Requests a window.
    pub limit: u64,
    /// Requests left in this window.
    pub remaining: u64,
    /// Seconds from now until the window ends, never an epoch.
    pub reset: Option<u64>,
    /// Length of the window in seconds, where it is fixed.
    pub window: Option<u64>,
}

/// The buckets that one answer spoke of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget(pub Vec<Bucket>);

impl Budget {
    /// The bucket nearest to exhaustion: the smallest share left; of equals, the one that is empty longest.
    #[must_use]
    pub fn nearest(&self) -> Option<&Bucket> {
        self.0.iter().min_by(|a, b| a.nearer(b))
    }

    /// As [`Budget::nearest`], taken out of the rest.
    #[must_use]
    pub fn into_nearest(self) -> Option<Bucket> {
        self.0.into_iter().min_by(Bucket::nearer)
    }
}

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

impl Bucket {
    fn nearer(&self, other: &Self) -> Ordering {
        let left = u128::from(self.remaining) * u128::from(other.limit.max(1));
        let right = u128::from(other.remaining) * u128::from(self.limit.max(1));
        left.cmp(&right).then(other.reset.cmp(&self.reset))
    }

    /// Write both header families: `ratelimit-*` (draft-ietf-httpapi-ratelimit-headers-06) and `RateLimit` with
    /// `RateLimit-Policy` (draft -10, structured fields of RFC 9651).
    pub fn write(&self, headers: &mut HeaderMap) {
        // One buffer for all values: each is a slice of it, and the first three are what the others repeat.
        let mut text = Text(Vec::with_capacity(128));
        text.name(&self.scope);
        let remaining = text.parameter(b";r=", self.remaining);
        let reset = self.reset.map(|reset| text.parameter(b";t=", reset));
        let state = 0..text.0.len();
        text.name(&self.scope);
        let limit = text.parameter(b";q=", self.limit);
        if let Some(window) = self.window {
            text.parameter(b";w=", window);
        }
        let policy = state.end..text.0.len();
        let text = Bytes::from(text.0);
        let values = [(LIMIT, Some(limit)), (REMAINING, Some(remaining)), (RESET, reset)];
        for (name, range) in values.into_iter().chain([(RATELIMIT, Some(state)), (POLICY, Some(policy))]) {
            if let Some(range) = range
                && let Ok(value) = HeaderValue::from_maybe_shared(text.slice(range))
            {
                headers.insert(name, value);
            }
        }
    }
}

/// Items of structured fields one after the other. By hand: five headers by `format!` took a fortieth of a call.
struct Text(Vec<u8>);

impl Text {
    fn name(&mut self, name: &str) {
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'"');
    }

    /// Where its value stands.
    fn parameter(&mut self, key: &[u8], value: u64) -> Range<usize> {
        self.0.extend_from_slice(key);
        let start = self.0.len();
        self.0.extend_from_slice(Decimal::of(value).as_str().as_bytes());
        start..self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(scope: &str, limit: u64, remaining: u64, reset: u64) -> Bucket {
        Bucket { scope: scope.into(), limit, remaining, reset: Some(reset), window: Some(60) }
    }

    #[test]
    fn the_smallest_share_left_speaks_and_of_equals_the_longest_wait() {
        let budget = Budget(vec![bucket("user", 900, 90, 17), bucket("org", 100_000, 9_000, 86_400)]);
        assert_eq!(&*budget.nearest().unwrap().scope, "org");
        let empty = Budget(vec![bucket("user", 900, 0, 17), bucket("org", 100_000, 0, 86_400)]);
        assert_eq!(&*empty.nearest().unwrap().scope, "org");
        assert_eq!(Budget::default().nearest(), None);
    }

    #[test]
    fn both_header_families_say_the_same() {
        let mut headers = HeaderMap::new();
        bucket("user", 900, 3, 17).write(&mut headers);
        assert_eq!(headers["ratelimit-limit"], "900");
        assert_eq!(headers["ratelimit-remaining"], "3");
        assert_eq!(headers["ratelimit-reset"], "17");
        assert_eq!(headers["ratelimit"], "\"user\";r=3;t=17");
        assert_eq!(headers["ratelimit-policy"], "\"user\";q=900;w=60");
    }

    #[test]
    fn what_is_not_known_is_left_out_and_numbers_may_be_of_any_length() {
        let mut headers = HeaderMap::new();
        Bucket { reset: None, window: None, ..bucket("org", u64::MAX, 0, 0) }.write(&mut headers);
        assert_eq!(headers["ratelimit-limit"], "18446744073709551615");
        assert_eq!(headers["ratelimit-remaining"], "0");
        assert!(!headers.contains_key("ratelimit-reset"));
        assert_eq!(headers["ratelimit"], "\"org\";r=0");
        assert_eq!(headers["ratelimit-policy"], "\"org\";q=18446744073709551615");
    }
}
