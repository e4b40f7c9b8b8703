//! Accounts: one connected vendor account, its base URL and its credential.

pub mod credential;

use std::{fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};

use crate::catalog::integration::{Authentication, Integration};
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
    credential: ArcSwap<Credential>,
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
        let credential = ArcSwap::from_pointee(Credential::new(&integration.authentication, credential)?);
        Ok(Self { id, integration, base_url, plaintext, credential })
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
