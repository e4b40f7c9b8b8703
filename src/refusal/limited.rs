//! A limit that has no room.

use crate::budget::Bucket;

/// A limit that has no room for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The limit as it stands: nothing remains, and `reset` is when the call can pass.
    pub bucket: Bucket,
    /// Where it is configured and what it is, for the log.
    pub rule: String,
    /// Whose limit it is.
    pub whose: Whose,
}

impl Limited {
    /// A call that need not be sent, since the vendor said that this bucket of its account is empty.
    #[must_use]
    pub fn vendor(bucket: Bucket) -> Self {
        let rule = format!("limits.fail_fast: `{}` is used up", bucket.scope);
        Self { bucket, rule, whose: Whose::Vendor }
    }

    /// Seconds after which the same call can pass, at least 1.
    #[must_use]
    pub fn retry_after(&self) -> u64 {
        self.bucket.reset.unwrap_or_default().max(1)
    }
}

/// Whose limit has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The MCP server's.
    Server,
    /// The account's, set by the operator.
    Account,
    /// The caller's API token's.
    ApiToken,
    /// The account's, set by the vendor.
    Vendor,
}
