//! `accounts`: what the configuration says of each, before the catalog is asked.

use std::{collections::HashSet, net::IpAddr, path::Path};

use http::Uri;

use super::not_yet::refuse;
use crate::document::{At, Located, Spot};
use crate::secret::Source;
use crate::server::document::is_name;

/// One account as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountConfig {
    /// `id`.
    pub id: Located<String>,
    /// `integration`; where it is left out its place is that of the account.
    pub integration: Located<String>,
    /// `base_url`; `None` is the catalog's.
    pub base_url: Option<Located<Uri>>,
    /// `plaintext`: `http://` to other hosts than this one is meant.
    pub plaintext: bool,
    /// `credentials.api_key`.
    pub api_key: Option<Located<Source>>,
    /// Where the account stands.
    pub spot: Spot,
}

/// All accounts that could be read.
pub(super) fn read(at: &At<'_>, base: &Path) -> Vec<AccountConfig> {
    let Some(items) = at.items() else { return Vec::new() };
    if items.is_empty() {
        at.fault("expected at least one account");
    }
    let mut seen = HashSet::new();
    items.iter().filter_map(|item| account(item, base, &mut seen)).collect()
}

fn account<'d>(at: &At<'d>, base: &Path, seen: &mut HashSet<&'d str>) -> Option<AccountConfig> {
    let mut fields = at.fields()?;
    let id = fields.require("id").and_then(|at| id(&at, seen));
    let integration = match fields.get("integration") {
        Some(at) => at.text().map(|text| at.locate(text.to_owned())),
        None => Some(at.locate("affinity".to_owned())),
    };
    let plaintext = fields.get("plaintext").and_then(|at| at.boolean()).unwrap_or(false);
    let base_url = fields.get("base_url").and_then(|at| base_url(&at, plaintext));
    let api_key = fields.get("credentials").and_then(|at| credentials(&at, base));
    fields.finish();
    Some(AccountConfig { id: id?, integration: integration?, base_url, plaintext, api_key, spot: at.spot() })
}

fn id<'d>(at: &At<'d>, seen: &mut HashSet<&'d str>) -> Option<Located<String>> {
    let text = at.text()?;
    if !is_name(text) {
        at.fault(format!("expected 1 to 64 of A-Z a-z 0-9 . _ -, found `{text}`"));
        return None;
    }
    if !seen.insert(text) {
        at.fault(format!("`{text}` is also the id of an account above, expected every id once"));
    }
    Some(at.locate(text.to_owned()))
}

fn credentials(at: &At<'_>, base: &Path) -> Option<Located<Source>> {
    let mut fields = at.fields()?;
    let oauth = fields.get("oauth");
    if let Some(oauth) = &oauth {
        refuse(oauth, "credentials.oauth");
    }
    let key = if oauth.is_some() { fields.get("api_key") } else { fields.require("api_key") };
    let source = key.and_then(|key| Source::read(&key, base).map(|source| key.locate(source)));
    fields.finish();
    source
}

fn base_url(at: &At<'_>, plaintext: bool) -> Option<Located<Uri>> {
    let Some(uri) = url(at.text()?) else {
        at.fault("expected a URL such as https://api.example.com, without user, query and fragment");
        return None;
    };
    if !is_private(&uri, plaintext) {
        at.fault(
            "http:// would send the credential in the clear: use https://, or say `plaintext: true` if that is meant",
        );
        return None;
    }
    Some(at.locate(uri))
}

/// An absolute `http` or `https` URL of host, port and path; slashes at its end are dropped.
#[must_use]
pub fn url(text: &str) -> Option<Uri> {
    let uri: Uri = text.trim_end_matches('/').parse().ok()?;
    let scheme = uri.scheme_str().is_some_and(|scheme| scheme == "https" || scheme == "http");
    let plain =
        uri.authority().is_some_and(|authority| !authority.as_str().contains('@') && !authority.host().is_empty());
    (scheme && plain && !text.contains(['?', '#'])).then_some(uri)
}

/// May a credential travel to this URL: over TLS, or to this very host, or because it is said to be meant?
#[must_use]
pub fn is_private(uri: &Uri, plaintext: bool) -> bool {
    plaintext || uri.scheme_str() == Some("https") || is_loopback(uri)
}

/// Is the host of a URL this very host?
#[must_use]
pub fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_travel_over_tls_or_stay_on_this_host_unless_said_otherwise() {
        for (text, plaintext, fits) in [
            ("https://api.affinity.co", false, true),
            ("http://api.affinity.co", false, false),
            ("http://api.affinity.co", true, true),
            ("http://127.0.0.1:9", false, true),
            ("http://127.9.9.9", false, true),
            ("http://[::1]:9", false, true),
            ("http://localhost:9/v1", false, true),
            ("http://localhost.example.com", false, false),
            ("http://127.0.0.1.example.com", false, false),
            ("http://10.0.0.1", false, false),
        ] {
            assert_eq!(is_private(&url(text).unwrap(), plaintext), fits, "{text} {plaintext}");
        }
    }

    #[test]
    fn a_url_is_scheme_host_and_path() {
        assert_eq!(url("https://a.example/v1/").unwrap().path(), "/v1");
        for text in
            ["a.example", "ftp://a", "https://u:p@a.example", "https://a/?q=1", "https://a/#f", "https://", "/x"]
        {
            assert_eq!(url(text), None, "{text}");
        }
    }
}
