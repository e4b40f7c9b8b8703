//! The line of a call in the audit trail: the facts of the access log under the same names.

use jiff::Timestamp;
use serde_json::json;

use crate::telemetry::finished::{Asked, Finished, Verdict};
use crate::telemetry::{access::micros, fit::fit};

/// The line of a call, line feed included.
pub(super) fn of(call: &Finished) -> String {
    let (exchange, caller) = (&call.exchange, &call.caller);
    let (decision, rule) = call.decision().unzip();
    let line = json!({
        "timestamp": Timestamp::try_from(call.begun_at).unwrap_or_default().to_string(),
        "trace_id": call.trace.trace_id(),
        "request.id": &*call.origin.request_id,
        "server.name": *call.server.name,
        "server.id": &*call.server.id,
        "policy.generation": call.server.generation,
        "account": call.server.account.id,
        "tool": call.asked.as_ref().map(Asked::name),
        "decision": decision.map(Verdict::word),
        "rule": rule,
        "error": call.failure.as_ref().map(|failure| failure.kind.as_str()),
        "upstream.status": exchange.status,
        "upstream.requests": exchange.requests,
        "upstream.resent": exchange.resent(),
        "upstream.queued_us": micros(exchange.queued),
        "duration_us": micros(call.duration),
        "upstream.duration_us": micros(exchange.elapsed),
        "upstream.bytes": exchange.received,
        "client.name": caller.client.as_deref().map(fit),
        "client.version": caller.client_version.as_deref().map(fit),
        "api_token": caller.api_token.as_deref(),
    });
    format!("{line}\n")
}
