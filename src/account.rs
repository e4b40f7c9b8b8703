//! Accounts: one connected vendor account, its base URL and its credential.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;

use crate::catalog::integration::{Authentication, Integration};
use crate::secret::Secret;

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
    credential: ArcSwap<Secret>,
}

impl Account {
    /// An account with its first credential.
    #[must_use]
    pub fn new(
        id: String,
        integration: Arc<Integration>,
        base_url: http::Uri,
        plaintext: bool,
        credential: Secret,
    ) -> Self {
        Self { id, integration, base_url, plaintext, credential: ArcSwap::from_pointee(credential) }
    }

    /// The credential as it is now.
    #[must_use]
    pub fn credential(&self) -> Arc<Secret> {
        self.credential.load_full()
    }

    /// Does the integration ask for a credential at all?
    #[must_use]
    pub fn authentication(&self) -> &Authentication {
        &self.integration.authentication
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("integration", &self.integration.name)
            .finish_non_exhaustive()
    }
}
