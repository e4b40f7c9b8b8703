//! What a sandbox is started with.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use crate::secret::Secret;

/// Settings of one sandbox.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 takes a free one ([`super::Sandbox::local_addr`] tells which).
    pub listen: SocketAddr,
    /// Where the file storage listens, which downloads are redirected to; `None` takes a free port of the same address.
    ///
    /// It is an origin of its own, as Affinity's is, because clients drop their credentials only across origins.
    pub storage_listen: Option<SocketAddr>,
    /// A YAML or JSON file that replaces the built-in seed, in the format of `src/sandbox/seed.yaml`.
    pub seed: Option<PathBuf>,
    /// Added to every answer, to stand for the network and Affinity's own work.
    pub latency: Duration,
    /// The only API key accepted; `None` accepts any key that is not empty.
    pub api_key: Option<Secret>,
    /// How many requests are answered before 429.
    pub rate_limit: RateLimit,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            storage_listen: None,
            seed: None,
            latency: Duration::ZERO,
            api_key: None,
            rate_limit: RateLimit::default(),
        }
    }
}

/// Affinity's two request buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a minute for the user behind the key.
    pub user_per_minute: u64,
    /// Requests a calendar month for the whole account.
    pub org_per_month: Quota,
}

impl Default for RateLimit {
    /// Affinity's published limits of the Scale and Advanced plans.
    fn default() -> Self {
        Self { user_per_minute: 900, org_per_month: Quota::Limited(100_000) }
    }
}

impl RateLimit {
    /// Limits that nothing reaches, for benches. Affinity has no word for an endless minute, so that one is a number.
    #[must_use]
    pub fn unreachable() -> Self {
        Self { user_per_minute: u64::from(u32::MAX), org_per_month: Quota::Unlimited }
    }
}

/// The size of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// So many requests a window.
    Limited(u64),
    /// No end; Affinity writes the word `unlimited` where a number would stand.
    Unlimited,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(limit) => write!(f, "{limit}"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        text.parse().map(Self::Limited).map_err(|_| format!("`{text}` is not a limit, expected a number or unlimited"))
    }
}
