//! Error answers: what they mean by the catalog, in the upstream's own words, without the credential.

use http::{StatusCode, header::RETRY_AFTER};
use jiff::{Timestamp, fmt::rfc2822};
use serde_json::Value;

use super::fields::Fields;
use crate::account::{Account, credential::Credential};
use crate::budget::{Bucket, Budget};
use crate::catalog::integration::{ErrorRule, Errors};
use crate::outcome::Exchange;
use crate::refusal::Remote;

/// As much of an error's body as a model has use for, in bytes.
const READABLE: usize = 4 << 10;

/// An error answer, read as far as it is readable.
pub(super) struct ErrorAnswer<'a> {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its header fields.
    pub(super) fields: &'a Fields,
    /// Its body.
    pub(super) body: &'a [u8],
    /// What it says of rate limits.
    pub(super) budget: Budget,
    /// The wall clock.
    pub(super) now: Timestamp,
}

/// What an error answer of the account's API means. Its exchange is filled in when the call is over.
pub(super) fn remote(account: &Account, answer: &ErrorAnswer<'_>, write: bool) -> Remote {
    let (status, errors) = (answer.status, &account.integration.errors);
    let credential = account.credential();
    let json: Option<Value> = serde_json::from_slice(answer.body).ok();
    let said = json.as_ref().map(|json| messages(errors, json)).unwrap_or_default();
    let message = if said.is_empty() { format!("the upstream answered with the status {status}") } else { said };
    let message = readable(&credential.mask(&message)).to_owned();
    let rule = rule(errors, status.as_u16(), &message);
    let limited = status == StatusCode::TOO_MANY_REQUESTS;
    let bucket = answer.budget.nearest().filter(|_| limited).cloned();
    Remote {
        status: status.as_u16(),
        kind: rule.map_or_else(|| kind(status), |rule| &rule.error).to_owned(),
        hint: rule.and_then(|rule| rule.hint.clone()),
        message,
        raw: raw(&credential, json, answer.body),
        retry_after: retry_after(answer.fields, answer.now).max(bucket.as_ref().and_then(until_full)),
        bucket,
        write,
        exchange: Exchange::default(),
    }
}

/// What an error of a place redirected to means. Its body is not shown: it may quote the signed URL.
pub(super) fn elsewhere(status: StatusCode, write: bool) -> Remote {
    Remote {
        status: status.as_u16(),
        kind: kind(status).to_owned(),
        message: format!("the place where the upstream keeps the file answered with the status {status}"),
        hint: None,
        raw: None,
        retry_after: None,
        bucket: None,
        write,
        exchange: Exchange::default(),
    }
}

/// What a status means where no rule of the catalog says more.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "invalid_request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        409 => "conflict",
        422 => "unprocessable",
        429 => "rate_limited",
        _ => "upstream_error",
    }
}

fn rule<'e>(errors: &'e Errors, status: u16, message: &str) -> Option<&'e ErrorRule> {
    let message = message.to_ascii_lowercase();
    let fits = |part: &String| message.contains(&part.to_ascii_lowercase());
    errors.rules.iter().find(|rule| rule.status == status && rule.contains.as_ref().is_none_or(fits))
}

/// All messages that stand where the catalog says, in its order.
fn messages(errors: &Errors, body: &Value) -> String {
    let mut found = Vec::new();
    for path in &errors.messages {
        let mut values = vec![body];
        for step in path.split('/').skip(1) {
            values = values.into_iter().flat_map(|value| children(value, step)).collect();
        }
        found.extend(values.into_iter().filter_map(Value::as_str));
    }
    found.join("; ")
}

fn children<'v>(value: &'v Value, step: &str) -> Vec<&'v Value> {
    match (value, step) {
        (Value::Array(items), "*") => items.iter().collect(),
        _ => value.get(step).into_iter().collect(),
    }
}

/// The body for the agent: JSON where it is JSON of a readable size, else text.
fn raw(credential: &Credential, json: Option<Value>, body: &[u8]) -> Option<Value> {
    let text = match json {
        Some(mut json) => {
            credential.mask_json(&mut json);
            if body.len() <= READABLE {
                return Some(json);
            }
            json.to_string()
        }
        None => credential.mask(&String::from_utf8_lossy(body)).into_owned(),
    };
    (!text.trim().is_empty()).then(|| readable(&text).into())
}

fn readable(text: &str) -> &str {
    &text[..text.floor_char_boundary(READABLE)]
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
fn retry_after(fields: &Fields, now: Timestamp) -> Option<u64> {
    let text = fields.text(&RETRY_AFTER)?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let at = rfc2822::parse(text).ok()?.timestamp();
    Some(u64::try_from(at.as_second().saturating_sub(now.as_second())).unwrap_or(0))
}

/// When a bucket that has nothing left is full again. A client that heeds `Retry-After` alone must not come earlier.
fn until_full(bucket: &Bucket) -> Option<u64> {
    bucket.reset.filter(|_| bucket.remaining == 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::integration::Authentication;
    use crate::secret::Secret;

    fn errors() -> Errors {
        let rule = |status, contains: Option<&str>, error: &str| ErrorRule {
            status,
            contains: contains.map(str::to_owned),
            error: error.into(),
            hint: None,
        };
        Errors {
            messages: vec!["/*".into(), "/errors/*/message".into(), "/message".into()],
            rules: vec![rule(422, Some("Merged Into"), "merged"), rule(422, None, "invalid"), rule(404, None, "gone")],
        }
    }

    #[test]
    fn messages_are_found_where_the_catalog_says() {
        for (body, expected) in [
            (json!(["a", "b"]), "a; b"),
            (json!({"errors": [{"message": "a"}, {"code": 1}, {"message": "b"}]}), "a; b"),
            (json!({"message": "a"}), "a"),
            (json!({"errors": "a"}), ""),
            (json!("a"), ""),
            (json!(7), ""),
        ] {
            assert_eq!(messages(&errors(), &body), expected, "{body}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_names_the_error() {
        for (status, message, expected) in [
            (422, "1 has been merged into 2", Some("merged")),
            (422, "other", Some("invalid")),
            (404, "", Some("gone")),
            (400, "merged into", None),
        ] {
            assert_eq!(rule(&errors(), status, message).map(|rule| rule.error.as_str()), expected, "{message}");
        }
    }

    #[test]
    fn without_a_rule_the_status_names_the_error() {
        for (status, expected) in [
            (400, "invalid_request"),
            (401, "unauthorized"),
            (403, "forbidden"),
            (404, "not_found"),
            (409, "conflict"),
            (418, "upstream_error"),
            (422, "unprocessable"),
            (429, "rate_limited"),
            (503, "upstream_error"),
        ] {
            assert_eq!(kind(StatusCode::from_u16(status).unwrap()), expected);
        }
    }

    #[test]
    fn the_body_is_shown_cut_and_without_the_credential() {
        let credential = Credential::new(&Authentication::Bearer, Secret::new("k3y/x")).unwrap();
        let show = |text: &str| raw(&credential, serde_json::from_str(text).ok(), text.as_bytes());
        assert_eq!(show(r#"["bad key k3y\/x"]"#), Some(json!(["bad key ***"])));
        assert_eq!(show("<html>k3y/x"), Some(json!("<html>***")));
        assert_eq!(show(" "), None);
        let long = format!("[\"{}k3y\\/x\"]", "é".repeat(READABLE));
        match show(&long) {
            Some(Value::String(text)) => assert!(text.len() <= READABLE && text.starts_with("[\"é")),
            other => panic!("{other:?}"),
        }
        // The cut never leaves a part of the credential.
        match show(&format!("{}k3y/x", "a".repeat(READABLE - 2))) {
            Some(Value::String(text)) => assert!(text.ends_with("a**"), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (text, expected) in [
            ("17", Some(17)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let fields = [(RETRY_AFTER, text)].into_iter().collect();
            assert_eq!(retry_after(&fields, now), expected, "{text}");
        }
    }

    #[test]
    fn the_wait_is_until_the_last_exhausted_bucket_is_full() {
        let bucket = |remaining, reset| Bucket { scope: "".into(), limit: 9, remaining, reset, window: None };
        let refusing = |buckets: Vec<Bucket>| Budget(buckets).into_nearest().as_ref().and_then(until_full);
        assert_eq!(refusing(vec![bucket(0, Some(17)), bucket(0, Some(5)), bucket(1, Some(99))]), Some(17));
        assert_eq!(refusing(vec![bucket(1, Some(9))]), None);
    }
}
