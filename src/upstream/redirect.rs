//! Redirects of downloads: followed without the credential, to places where that is safe.
//!
//! A redirect's URL may itself be a secret for as long as it lives (a signed URL), so it is in no log and no error.

use bytes::Bytes;
use http::{Method, StatusCode, Uri, header};

use super::errand::{Errand, request};
use super::failure::Failure;
use super::message::Outgoing;
use super::plane::{Answer, Destination};
use crate::account::is_loopback;

/// A download needs one redirect to its storage; a CDN may add another.
const MOST: usize = 3;

/// Send a request and follow its redirects: the last answer, and where it came from if that is elsewhere.
///
/// # Errors
/// No answer, too many redirects, or one to a place that is not safe.
pub(super) async fn follow(errand: &Errand<'_>, first: &Outgoing) -> Result<(Answer, Option<Uri>), Failure> {
    let follows = first.method == Method::GET;
    let mut at = first.uri.clone();
    let mut answer = errand.send(|| Ok(first.clone()), Destination::Account).await?;
    for hop in 0..=MOST {
        if !follows || !redirects(answer.status) {
            return Ok((answer, (hop > 0).then_some(at)));
        }
        if hop < MOST {
            at = target(&at, answer.fields.text(&header::LOCATION), errand.account.trusts_loopback())?;
            let path = at.path_and_query().cloned().unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
            let next = || request(Method::GET, &at, path.clone(), Bytes::new());
            answer = errand.send(next, Destination::Elsewhere).await?;
        }
    }
    Err(Failure::Incomplete(format!("more than {MOST} redirects")))
}

fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads (RFC 9110 section 10.2.2; relative references as RFC 3986 section 4.2 has them).
fn target(from: &Uri, location: Option<&str>, trusts_loopback: bool) -> Result<Uri, Failure> {
    let refused = |why: &str| Failure::Incomplete(format!("a redirect was not followed: {why}"));
    let text = location.ok_or_else(|| refused("it has no usable location"))?;
    let text = text.split('#').next().unwrap_or_default();
    let (scheme, authority) = (from.scheme_str().unwrap_or_default(), from.authority().map_or("", |a| a.as_str()));
    let absolute = if text.contains("://") && !text.starts_with(['/', '?']) {
        text.to_owned()
    } else if text.starts_with("//") {
        format!("{scheme}:{text}")
    } else if text.starts_with('/') {
        format!("{scheme}://{authority}{text}")
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{text}")
    };
    let to: Uri = absolute.parse().map_err(|_| refused("its location is no URL"))?;
    match to.scheme_str() {
        _ if to.authority().is_none_or(|authority| authority.as_str().contains('@')) => {
            Err(refused("its location has no plain host"))
        }
        Some("https") => Ok(to),
        Some("http") if trusts_loopback && is_loopback(&to) => Ok(to),
        _ => Err(refused("expected https")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(location: &'static str, trusts_loopback: bool) -> Option<String> {
        let from = "https://api.example.com/files/7".parse().unwrap();
        target(&from, Some(location), trusts_loopback).ok().map(|uri| uri.to_string())
    }

    #[test]
    fn a_redirect_is_followed_only_where_it_is_safe() {
        for (location, trusts_loopback, expected) in [
            ("https://store.example/x?sig=1#part", false, Some("https://store.example/x?sig=1")),
            ("//store.example/x", false, Some("https://store.example/x")),
            ("/other?a=b://c", false, Some("https://api.example.com/other?a=b://c")),
            ("8", false, Some("https://api.example.com/files/8")),
            ("http://127.0.0.1:9/x", true, Some("http://127.0.0.1:9/x")),
            ("http://127.0.0.1:9/x", false, None),
            ("http://store.example/x", true, None),
            ("https://user:pass@store.example/x", true, None),
            ("ftp://store.example/x", true, None),
            ("file:///etc/passwd", true, None),
            ("https://", false, None),
        ] {
            assert_eq!(leads(location, trusts_loopback).as_deref(), expected, "{location}");
        }
    }

    #[test]
    fn a_refused_redirect_is_told_without_its_url() {
        let from = "https://api.example.com/files/7".parse().unwrap();
        match target(&from, Some("http://store.example/x?sig=s3cret"), false) {
            Err(Failure::Incomplete(text)) => assert!(!text.contains("s3cret") && !text.contains("store"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
