//! What a document may say but seldom means: said as a warning, never a reason to refuse.

use jiff::Timestamp;

use super::document::Document;
use crate::catalog::integration::Integration;
use crate::document::Fault;

/// The warnings of a document that loads, at the time `now`.
#[must_use]
pub fn warnings(document: &Document, integration: &Integration, now: Timestamp) -> Vec<Fault> {
    let mut found = Vec::new();
    if let Some(at) = document.expires_at.as_ref().filter(|at| at.value <= now) {
        found.push(at.spot.fault("is in the past: every call is answered as expired"));
    }
    let policy = &document.policy;
    for glob in policy.allow.iter().flatten().chain(&policy.deny) {
        if !integration.tools.iter().any(|tool| glob.value.matches(&tool.name)) {
            let name = &integration.name;
            found.push(glob.spot.fault(format!("`{}` matches no tool of {name}; is it misspelt?", glob.value)));
        }
    }
    found
}
