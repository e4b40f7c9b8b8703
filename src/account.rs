//! Accounts: one connected vendor account, its base URL and its credential.

pub mod budget;
pub mod credential;

use std::{
    fmt::{self, Write},
    sync::{Arc, OnceLock},
};

use arc_swap::{ArcSwap, Guard};
use sha2::{Digest, Sha256};

use crate::catalog::integration::{Authentication, Integration};
use crate::rate::Limits;
use crate::secret::Secret;
use credential::Credential;

/// One connected account.
pub struct Account {
    /// The id policies refer to (`acme`).
    pub id: String,
    /// The API it is an account of.
    pub integration: Arc<Integration>,
    /// Where the API is: scheme, authority and perhaps a path, without a slash at the end.
    pub base_url: http::Uri,
    /// May the credential travel without TLS? Always so on loopback.
    pub plaintext: bool,
    /// What the operator lets all MCP servers do to it together.
    pub limits: Limits,
    identity: String,
    ledger: OnceLock<budget::Kept>,
    credential: ArcSwap<Credential>,
    attributes: OnceLock<Attributes>,
}

/// What telemetry writes of an account again and again.
#[derive(Debug)]
pub(crate) struct Attributes {
    /// In the span of every request for it.
    pub(crate) of_requests: Box<[u8]>,
    /// In the span of every attempt at its API.
    pub(crate) of_attempts: Box<[u8]>,
}

impl Account {
    /// An account with its first credential.
    ///
    /// # Errors
    /// What of the account cannot work, for a person: the credential cannot stand in a header, or the base URL is not
    /// one that it may travel to.
    pub fn new(
        id: String,
        integration: Arc<Integration>,
        base_url: http::Uri,
        plaintext: bool,
        credential: Secret,
    ) -> Result<Self, String> {
        if base_url.authority().is_none() {
            return Err("expected a base URL with scheme and host".into());
        }
        match base_url.scheme_str() {
            Some("https") => {}
            Some("http") if plaintext || is_loopback(&base_url) => {}
            Some("http") => return Err("http:// is only for loopback, use https:// or set plaintext: true".into()),
            _ => return Err("expected a base URL that begins with https://".into()),
        }
        let identity = identity(&id, &base_url, &credential);
        let credential = ArcSwap::from_pointee(Credential::new(&integration.authentication, credential)?);
        Ok(Self {
            id,
            integration,
            base_url,
            plaintext,
            limits: Limits::default(),
            identity,
            ledger: OnceLock::new(),
            credential,
            attributes: OnceLock::new(),
        })
    }

    /// What telemetry writes of it again and again: made with the first request that is told of, and kept.
    pub(crate) fn attributes(&self, make: impl FnOnce(&Self) -> Attributes) -> &Attributes {
        self.attributes.get_or_init(|| make(self))
    }

    /// The same account with these limits of the operator's.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Tells accounts apart whose vendor counts them apart: the id, and a digest of URL and first credential.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Put a new credential in the place of the old one; calls under way keep the one they began with.
    ///
    /// # Errors
    /// The secret cannot stand in a header; the old credential stays.
    pub fn renew(&self, secret: Secret) -> Result<(), String> {
        self.credential.store(Arc::new(Credential::new(self.authentication(), secret)?));
        Ok(())
    }

    /// The credential as it is now.
    #[must_use]
    pub fn credential(&self) -> Guard<Arc<Credential>> {
        self.credential.load()
    }

    /// Does the integration ask for a credential at all?
    #[must_use]
    pub fn authentication(&self) -> &Authentication {
        &self.integration.authentication
    }

    /// May requests for this account go to an `http://` address on this machine?
    #[must_use]
    pub fn trusts_loopback(&self) -> bool {
        self.plaintext || is_loopback(&self.base_url)
    }
}

fn identity(id: &str, base_url: &http::Uri, credential: &Secret) -> String {
    let mut digest = Sha256::new();
    digest.update(base_url.to_string());
    digest.update([0]);
    digest.update(credential.expose());
    // Eight bytes: nothing is guarded by it, and no key can be told from it.
    digest.finalize().iter().take(8).fold(format!("{id}:"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Does the URL name this very machine? Only `localhost` and loopback addresses do; no name is looked up.
#[must_use]
pub fn is_loopback(url: &http::Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("integration", &self.integration.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:80/x", true),
            ("http://[::1]:80", true),
            ("http://LOCALHOST", true),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
