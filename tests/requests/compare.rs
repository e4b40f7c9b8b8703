//! Is what was found what the table says?

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::multipart;
use crate::support::Received;

/// How far a time that depends on the clock may lie from the test's own.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// What a request must be.
pub(crate) struct Expected<'t> {
    request: &'t Value,
    credential: &'t str,
}

impl<'t> Expected<'t> {
    /// The `request` of the table.
    pub(crate) fn new(request: &'t Value, credential: &'t str) -> Self {
        Self { request, credential }
    }

    /// Is it this request?
    ///
    /// # Errors
    /// The first difference.
    pub(crate) fn is_met_by(&self, received: &Received) -> Result<(), String> {
        let differ = |what: &str, expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
            Err(format!("expected the {what} {expected}, found {found}"))
        };
        let method = self.request["method"].as_str().unwrap_or_default();
        if received.method != method {
            return differ("method", &method, &received.method);
        }
        if let Some(path) = self.request["path"].as_str() {
            if received.path != path {
                return differ("path", &path, &received.path);
            }
            self.query(&received.query)?;
        }
        self.headers(received)?;
        self.body(received)
    }

    fn query(&self, found: &str) -> Result<(), String> {
        let mut expected: Vec<(String, String)> = Vec::new();
        for (key, value) in self.request["query"].as_object().into_iter().flatten() {
            let values = value.as_array().map_or_else(|| vec![value.clone()], Clone::clone);
            expected.extend(values.iter().map(|value| (key.clone(), value.as_str().unwrap_or_default().to_owned())));
        }
        let mut decoded: Vec<(String, String)> = found
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (decode(key), decode(value)))
            .collect();
        expected.sort();
        decoded.sort();
        let same = expected.len() == decoded.len()
            && expected.iter().zip(&decoded).all(|(a, b)| a.0 == b.0 && (a.1 == b.1 || is_time(&a.1, &b.1)));
        if same { Ok(()) } else { Err(format!("expected the query {expected:?}, found {decoded:?}")) }
    }

    fn headers(&self, received: &Received) -> Result<(), String> {
        let told = &self.request["headers"];
        for (name, value) in told.as_object().into_iter().flatten() {
            if received.header(name) != value.as_str() {
                return Err(format!("expected the header {name} {value}, found {:?}", received.header(name)));
            }
        }
        let bearer = format!("Bearer {}", self.credential);
        if told.get("authorization").is_none() && received.header("authorization") != Some(&bearer) {
            return Err(format!("expected {bearer}, found {:?}", received.header("authorization")));
        }
        // What a redirect leads to is not the API, and is asked for without any of its headers.
        if self.request.get("path").is_some() && received.header("accept").is_none() {
            return Err("the header accept is missing".into());
        }
        Ok(())
    }

    fn body(&self, received: &Received) -> Result<(), String> {
        let Some(expected) = self.request.get("body") else {
            return if received.body.is_empty() { Ok(()) } else { Err("a body was sent".into()) };
        };
        let media_type = received.header("content-type").unwrap_or_default();
        let (found, expected) = match expected.get("multipart") {
            Some(parts) => (multipart::parts(media_type, &received.body)?, parts),
            None if media_type == "application/json" => {
                (serde_json::from_slice(&received.body).map_err(|error| error.to_string())?, expected)
            }
            None => return Err(format!("expected application/json, found {media_type}")),
        };
        if *expected == found { Ok(()) } else { Err(format!("expected the body {expected}, found {found}")) }
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Does `found` name the time that `<now>` or `<now-365d>` stands for?
fn is_time(expected: &str, found: &str) -> bool {
    let days = match expected {
        "<now>" => 0,
        "<now-365d>" => 365,
        _ => return false,
    };
    let meant = Timestamp::now() - SignedDuration::from_hours(24 * days);
    found.parse::<Timestamp>().is_ok_and(|found| found.duration_since(meant).abs() < CLOCK_TOLERANCE)
}

/// Equal, where `<cursor>` and `<uri>` stand for any text.
pub(crate) fn fits(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(word), Value::String(text)) if word == "<cursor>" || word == "<uri>" => !text.is_empty(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fits(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| fits(a, b)))
        }
        _ => expected == found,
    }
}
