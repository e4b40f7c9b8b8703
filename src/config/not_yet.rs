//! Keys that are agreed on and not built: refused, so that nobody relies on what does nothing.

use crate::document::At;

/// The fault of such a key, by its full name.
pub(super) fn refuse(at: &At<'_>, key: &str) {
    at.fault(format!("`{key}` is not in this version yet: remove the key"));
}
