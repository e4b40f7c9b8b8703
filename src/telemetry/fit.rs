//! Text of the caller's own, made fit for a log: cut, and without control characters, so that no caller writes lines or
//! colours into one.

use std::{borrow::Cow, sync::Arc};

/// Longest name of the caller's own that is logged, in characters; no tool has a longer one.
const LONGEST_NAME: usize = 80;

/// Text of the caller's own, fit for a log.
#[must_use]
pub fn fit(text: &str) -> Cow<'_, str> {
    // Most texts are short and plain, and that is seen without a look at every character.
    if text.len() <= LONGEST_NAME && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let text = text.char_indices().nth(LONGEST_NAME).map_or(text, |(end, _)| &text[..end]);
    if text.contains(char::is_control) {
        Cow::Owned(text.replace(char::is_control, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// As [`fit`], of text that is shared: a text that fits is not copied.
#[must_use]
pub fn fit_shared(text: &Arc<str>) -> Arc<str> {
    match fit(text) {
        Cow::Borrowed(fitting) if fitting.len() == text.len() => text.clone(),
        cut => cut.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_writes_neither_lines_nor_colours_into_a_log() {
        assert_eq!(fit("a\nb\u{1b}[31m\u{9b}c"), "a\u{fffd}b\u{fffd}[31m\u{fffd}c");
        assert_eq!(fit(&"é".repeat(LONGEST_NAME + 1)), "é".repeat(LONGEST_NAME));
        assert_eq!(fit(&"e".repeat(LONGEST_NAME + 1)), "e".repeat(LONGEST_NAME));
        assert_eq!(fit("Agent 1.0~"), "Agent 1.0~");
        assert_eq!(fit("a\u{7f}"), "a\u{fffd}");
    }
}
