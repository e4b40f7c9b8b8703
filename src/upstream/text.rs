//! Values of arguments as text.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::Value;

use super::failure::Failure;

/// All but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text as a piece of a URL that can end or open nothing: every reserved character is percent-encoded.
pub(super) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

/// The texts of an argument's value, where a list is one text an item; `null` is none.
pub(super) fn each_text(argument: &str, value: &Value, mut take: impl FnMut(&str)) -> Result<(), Failure> {
    let items = match value {
        Value::Null => return Ok(()),
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    for item in items {
        let problem = || Failure::misfit(argument, "expected plain values, found a list or an object inside");
        take(&scalar(item).ok_or_else(problem)?);
    }
    Ok(())
}

/// The text of a string, a number or a boolean.
pub(super) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
