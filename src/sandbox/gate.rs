//! Who may come in: the API key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};

use super::answer::{Fault, Result};
use crate::secret::Secret;

/// Let a request with the right key pass: `Basic` with an empty user name, or `Bearer`.
pub(super) fn authenticate(headers: &HeaderMap, expected: Option<&Secret>) -> Result<()> {
    let right = key(headers).is_some_and(|key| match expected {
        Some(expected) => key == expected.expose(),
        None => !key.is_empty(),
    });
    if right { Ok(()) } else { Err(Fault::new(StatusCode::UNAUTHORIZED, "Invalid API key")) }
}

fn key(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    user.is_empty().then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemes_carry_the_key_and_nothing_else_does() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for (header, passes) in [
            ("Bearer k3y".to_owned(), true),
            ("bearer k3y".to_owned(), true),
            (basic(":k3y"), true),
            (basic("k3y:"), false),
            (basic("me:k3y"), false),
            ("Bearer other".to_owned(), false),
            ("Token k3y".to_owned(), false),
            ("Basic ???".to_owned(), false),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, header.parse().unwrap())]);
            assert_eq!(authenticate(&headers, Some(&Secret::new("k3y"))).is_ok(), passes, "{header}");
        }
        assert!(authenticate(&HeaderMap::new(), None).is_err());
    }

    #[test]
    fn without_a_set_key_any_key_passes_but_an_empty_one() {
        for (header, passes) in [("Bearer anything", true), ("Bearer ", false), ("Basic Og==", false)] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, header.parse().unwrap())]);
            assert_eq!(authenticate(&headers, None).is_ok(), passes, "{header}");
        }
    }
}
