//! The keys under `telemetry` that are no plain values: where exports go, what is captured, the audit trail.

use std::{collections::HashSet, path::Path};

use crate::document::{At, Value};
use crate::secret::Source;
use crate::server::glob::Glob;
use crate::telemetry::{
    audit::{self, OnFailure},
    export,
    redact::Capture,
    settings::Header,
};

/// Large enough for about 250,000 calls.
const MAX_SIZE: u64 = 100 << 20;

/// Files put aside that are kept.
const KEEP: u32 = 5;

/// `traces.sample`.
pub(super) fn share(at: &At<'_>) -> Option<f64> {
    let text = match at.value() {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let found = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    if found.is_none() {
        at.fault("expected a number from 0 to 1 such as 0.1");
    }
    found
}

/// `otlp.endpoint`.
pub(super) fn endpoint(at: &At<'_>) -> Option<String> {
    let text = at.text()?;
    if !export::is_endpoint(text) {
        at.fault(export::EXPECTED);
        return None;
    }
    Some(text.to_owned())
}

/// `otlp.headers`: names, and where their values are.
pub(super) fn headers(at: &At<'_>, base: &Path) -> Option<Vec<(String, Header)>> {
    let mut seen = HashSet::new();
    let mut headers = Vec::new();
    for (name, at) in at.entries()? {
        if http::HeaderName::try_from(name).is_err() {
            at.fault(format!("`{name}` cannot be the name of a header"));
        } else if !seen.insert(name.to_ascii_lowercase()) {
            at.fault(format!("`{name}` stands there twice"));
        } else if let Some(source) = Source::read(&at, base) {
            headers.push((name.to_owned(), Header::From(source)));
        }
    }
    Some(headers)
}

/// `capture`.
pub(super) fn capture(at: &At<'_>, capture: &mut Capture) {
    for word in at.items().unwrap_or_default() {
        match word.text() {
            Some("arguments") => capture.arguments = true,
            Some("results") => capture.results = true,
            Some(other) => word.unknown_word(other, &["arguments", "results"]),
            None => {}
        }
    }
}

/// `redact`: globs over names of fields.
pub(super) fn globs(at: &At<'_>) -> Option<Vec<Glob>> {
    let glob = |at: &At<'_>| Glob::new(at.text()?).map_err(|error| at.fault(error)).ok();
    Some(at.items()?.iter().filter_map(glob).collect())
}

/// `audit`.
pub(super) fn audit(at: &At<'_>, base: &Path) -> Option<audit::Config> {
    let mut fields = at.fields()?;
    let file = fields.require("file").and_then(|at| at.text().map(|text| base.join(text).components().collect()));
    let max_size = match fields.get("max_size") {
        None => MAX_SIZE,
        Some(at) => {
            let found = at.size().unwrap_or(1) as u64;
            if found == 0 {
                at.fault("expected more than 0");
            }
            found
        }
    };
    let keep = fields.get("keep").and_then(|at| at.unsigned()).unwrap_or(KEEP);
    let words = [("allow", OnFailure::Allow), ("deny", OnFailure::Deny)];
    let on_failure = fields.get("on_failure").and_then(|at| at.word(&words)).unwrap_or(OnFailure::Allow);
    fields.finish();
    Some(audit::Config { file: file?, max_size, keep, on_failure })
}
