//! The access log: one line per call, whatever became of it.
//!
//! Never logged: tokens, credentials, argument values, result bodies. The tool's name is logged as the caller wrote it,
//! but cut to [`LONGEST_NAME`] characters and without control characters, so that no caller writes lines or colours into
//! a log; everything else of the caller's own is its client name and version, treated likewise.

use std::{borrow::Cow, sync::Arc, time::Duration};

use super::finished::{Finished, Verdict};

/// Longest name of the caller's own that is logged, in characters; no tool has a longer one.
const LONGEST_NAME: usize = 80;

/// Write the line of a call.
pub(crate) fn write(call: &Finished) {
    let (Some((decision, rule)), Some(asked)) = (call.decision(), call.asked.as_ref()) else { return };
    let (exchange, caller) = (&call.exchange, &call.caller);
    let limit = call.failure.as_ref().map(|failure| &failure.limit);
    let bucket = limit.and_then(|limit| limit.bucket.as_ref());
    tracing::info!(
        target: "chaperone::access",
        trace_id = %call.trace.trace_id(),
        server.name = %call.server.name,
        server.id = %call.server.id,
        account = %call.server.account.id,
        // As a string and not by `%`: the text format then quotes it.
        tool = asked.name(),
        decision = Verdict::word(decision),
        rule,
        error = call.failure.as_ref().map(|failure| failure.kind.as_str()),
        ratelimit.scope = bucket.map(|bucket| &*bucket.scope),
        ratelimit.limit = bucket.map(|bucket| bucket.limit),
        retry_after = limit.and_then(|limit| limit.retry_after),
        upstream.status = exchange.status,
        upstream.requests = exchange.requests,
        upstream.resent = exchange.resent(),
        upstream.queued_us = micros(exchange.queued),
        duration_us = micros(call.duration),
        upstream.duration_us = micros(exchange.elapsed),
        upstream.bytes = exchange.received,
        client.name = caller.client.as_deref().map(fit).as_deref(),
        client.version = caller.client_version.as_deref().map(fit).as_deref(),
        api_token = caller.api_token.as_deref(),
        "call"
    );
}

/// Whole microseconds.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Text of the caller's own, fit for a log.
#[must_use]
pub fn fit(text: &str) -> Cow<'_, str> {
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
    }
}
