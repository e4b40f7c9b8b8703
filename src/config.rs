//! The configuration file and what overrides it, as one checked value.
//!
//! Every scalar key can be overridden: a flag wins over an environment variable, that over the file, that over the
//! default. Each room owns the part that it is set to; only this one knows them all, and nobody below `app` knows it.

mod account;
mod env;
mod not_yet;
mod print;
mod read;
mod shared;
mod telemetry_keys;
mod value;

use std::path::PathBuf;

use crate::document::{Faults, Located};
use crate::policy::quota;
use crate::rate::Limits;
use crate::secret::Source;
use crate::{admin, edge, serve, telemetry, upstream};

pub use account::{AccountConfig, is_loopback, is_private, url};
pub use env::{Environment, variable};
pub use print::effective;
pub use read::{Input, read};

/// The effective configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The listener for MCP traffic.
    pub serve: serve::Config,
    /// The HTTP plane.
    pub edge: edge::Config,
    /// The admin listener.
    pub admin: admin::Config,
    /// The way to the upstream.
    pub upstream: upstream::Config,
    /// Logs, traces, metrics and the audit trail.
    pub telemetry: telemetry::Config,
    /// What handed-out URLs begin with, without a slash at the end; `None` is `http://` and the address listened on.
    pub public_url: Option<String>,
    /// The folder of policies.
    pub policies: Located<PathBuf>,
    /// The folder of the catalog; `None` is the built-in one.
    pub catalog: Option<Located<PathBuf>>,
    /// The list of API tokens.
    pub api_tokens: Option<Located<Source>>,
    /// How often each API token may be used (`api_tokens.limits`).
    pub api_token_limits: Limits,
    /// What limits are set to.
    pub quota: quota::Config,
    /// The accounts, in the order of the file.
    pub accounts: Vec<AccountConfig>,
}

/// A configuration and what is wrong with it. While there are faults, the configuration is good for nothing but to
/// find more of them.
#[derive(Debug)]
pub struct Reading {
    /// The configuration, with defaults where a value is at fault.
    pub config: Config,
    /// Everything that is wrong.
    pub faults: Faults,
}

impl Config {
    /// The keys whose change between two configurations takes effect only at the next start.
    #[must_use]
    pub fn fixed_until_restart(&self, next: &Self) -> Vec<&'static str> {
        let (a, b) = (self, next);
        [
            ("listen", a.serve.listen != b.serve.listen),
            ("public_url", a.public_url != b.public_url),
            ("allowed_origins", a.edge.allowed_origins != b.edge.allowed_origins),
            ("admin", a.admin != b.admin),
            ("upstream", a.upstream != b.upstream),
            ("limits", limits(a) != limits(b) || a.quota.fail_fast != b.quota.fail_fast),
            ("shared", a.quota.shared != b.quota.shared),
            ("telemetry", a.telemetry != b.telemetry),
        ]
        .into_iter()
        .filter_map(|(key, changed)| changed.then_some(key))
        .collect()
    }
}

/// Everything under `limits`, to be compared: other keys of the same rooms are blanked.
fn limits(config: &Config) -> (serve::Config, edge::Config) {
    let serve = serve::Config { listen: serve::Config::default().listen, ..config.serve.clone() };
    (serve, edge::Config { allowed_origins: Vec::new(), ..config.edge.clone() })
}
