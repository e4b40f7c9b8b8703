//! The access log: one line per call, whatever became of it.
//!
//! Never logged: tokens, credentials, argument values, result bodies. The tool's name is logged as the caller wrote it,
//! but made [`fit`] for it; everything else of the caller's own is its client name and version, treated likewise.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::finished::{Finished, Verdict};
use super::fit::fit;

/// Might anybody hear of a call? What filters say beyond its level, they say when they see the line.
pub(super) fn may_be_heard() -> bool {
    LevelFilter::current() >= LevelFilter::INFO
}

/// Write the line of a call.
pub(crate) fn write(call: &Finished) {
    if !may_be_heard() {
        return;
    }
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
