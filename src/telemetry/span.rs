//! What a request looks like as spans, by the semantic conventions for MCP (`open-telemetry/semantic-conventions-genai`,
//! in development) and for HTTP clients. The names are written out here, since the conventions still move.
//!
//! Spans are written at once as the protocol buffers that are sent (`opentelemetry/proto/trace/v1/trace.proto`), for that
//! costs a call less than anything they could be kept as.
//!
//! Names that the caller makes up (tools, methods) are neither span names nor attribute values.

#[cfg(test)]
pub(super) mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;

use super::finished::{Failure, Finished, Verdict};
use super::fit::fit;
use super::protobuf::Message;
use crate::account::{Account, Attributes};
use crate::catalog::tool::{Operation, Rest};
use crate::outcome::Attempt;
use crate::server::Decision;
use crate::trace::TraceParent;

/// The number of the span of the argument check among those below the call's; requests are counted from 0.
const ARGUMENTS: u64 = u32::MAX as u64;

/// `spans` of `ScopeSpans`.
const SPANS: u32 = 2;

/// `SpanFlags`: it is known whether the parent, or what is linked to, is of another process; and it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;

/// `SpanKind`.
#[derive(Clone, Copy)]
enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// What every span has.
struct Head<'f> {
    id: u64,
    parent: Option<u64>,
    remote: bool,
    name: [&'f str; 3],
    kind: Kind,
    begun: Duration,
    ended: Duration,
}

/// Add the spans of a request, as the field `spans` of `ScopeSpans`.
pub(super) fn write(finished: &Finished, to: &mut Vec<u8>) {
    let mut spans = Message(to);
    server(finished, &mut spans);
    if let Some(failure) = finished.failure.as_ref().filter(|failure| failure.misfits > 0) {
        arguments(finished, failure, &mut spans);
    }
    for attempt in &finished.exchange.attempts {
        client(finished, attempt, &mut spans);
    }
}

fn server(finished: &Finished, spans: &mut Message<'_>) {
    let tool = finished.tool();
    let begun = since_1970(finished.begun_at);
    let head = Head {
        id: finished.trace.parent_id,
        parent: finished.origin.parent,
        remote: finished.origin.parent.is_some(),
        name: tool.map_or([finished.method, "", ""], |tool| [finished.method, " ", tool]),
        kind: Kind::Server,
        begun,
        ended: begun.saturating_add(finished.duration),
    };
    spans.message(SPANS, |span| {
        begin(span, finished.trace, &head);
        of_request(finished, tool, span);
        if let Some(linked) = finished.origin.link {
            span.message(13, |link| {
                link.bytes(1, &linked.trace_id.to_be_bytes());
                link.bytes(2, &linked.parent_id.to_be_bytes());
                link.fixed32(6, flags(linked, true));
            });
        }
        end(span, finished.trace, &head, finished.failure.as_ref().map(|failure| failure.kind.as_str()));
    });
}

fn of_request(finished: &Finished, tool: Option<&str>, span: &mut Message<'_>) {
    let (origin, caller, captured) = (&finished.origin, &finished.caller, &finished.captured);
    span.fields(&finished.server.account.attributes(of_account).of_requests);
    text(span, "chaperone.server.name", &finished.server.name);
    number(span, "chaperone.policy.generation", finished.server.generation);
    text(span, "mcp.method.name", finished.method);
    text(span, "mcp.protocol.version", origin.revision);
    text(span, "network.protocol.version", origin.http);
    if !origin.request_id.is_empty() {
        text(span, "jsonrpc.request.id", &origin.request_id);
    }
    if finished.asked.is_some() {
        text(span, "gen_ai.operation.name", "execute_tool");
    }
    if let Some(tool) = tool {
        text(span, "gen_ai.tool.name", tool);
    }
    if let Some((verdict, rule)) = finished.decision() {
        text(span, "chaperone.decision", Verdict::word(verdict));
        text(span, "chaperone.rule", rule);
    }
    if let Some(failure) = &finished.failure {
        text(span, "error.type", &failure.error_type());
        text(span, "chaperone.refusal", &failure.kind);
        if let Some(code) = failure.code {
            text(span, "rpc.response.status_code", &code.to_string());
        }
    }
    for (key, value) in [
        ("chaperone.client.name", caller.client.as_deref()),
        ("chaperone.client.version", caller.client_version.as_deref()),
        ("chaperone.api_token", caller.api_token.as_deref()),
    ] {
        if let Some(value) = value {
            text(span, key, &fit(value));
        }
    }
    for (key, value) in
        [("gen_ai.tool.call.arguments", &captured.arguments), ("gen_ai.tool.call.result", &captured.result)]
    {
        if let Some(value) = value {
            text(span, key, value);
        }
    }
}

/// The attributes that all spans for an account have alike.
fn of_account(account: &Account) -> Attributes {
    let (mut of_requests, mut of_attempts) = (Vec::new(), Vec::new());
    let span = &mut Message(&mut of_requests);
    text(span, "network.protocol.name", "http");
    text(span, "network.transport", "tcp");
    text(span, "chaperone.account", &account.id);
    let base = &account.base_url;
    at(&mut Message(&mut of_attempts), base.host().unwrap_or_default(), base.port_u16().unwrap_or(port_of(base)));
    Attributes { of_requests: of_requests.into(), of_attempts: of_attempts.into() }
}

/// Where an attempt went.
fn at(span: &mut Message<'_>, host: &str, port: u16) {
    text(span, "server.address", host);
    number(span, "server.port", port.into());
}

/// The check of the arguments, where it refused: nothing else is worth a span of its own.
fn arguments(finished: &Finished, failure: &Failure, spans: &mut Message<'_>) {
    let begun = since_1970(finished.begun_at);
    let head = Head {
        id: finished.trace.nth(ARGUMENTS),
        parent: Some(finished.trace.parent_id),
        remote: false,
        name: ["arguments", "", ""],
        kind: Kind::Internal,
        begun,
        ended: begun.saturating_add(finished.duration),
    };
    spans.message(SPANS, |span| {
        begin(span, finished.trace, &head);
        number(span, "chaperone.arguments.faults", failure.misfits as u64);
        end(span, finished.trace, &head, Some(&failure.kind));
    });
}

fn client(finished: &Finished, attempt: &Attempt, spans: &mut Message<'_>) {
    let template = rest(finished).filter(|_| attempt.elsewhere.is_none()).map(|rest| rest.path.text());
    let method = attempt.method.as_str();
    let begun = since_1970(finished.begun_at).saturating_add(attempt.begun.saturating_duration_since(finished.begun));
    let head = Head {
        id: attempt.span_id,
        parent: Some(finished.trace.parent_id),
        remote: false,
        name: template.map_or([method, "", ""], |template| [method, " ", template]),
        kind: Kind::Client,
        begun,
        ended: begun.saturating_add(attempt.duration),
    };
    let answered = attempt.status.and_then(|status| StatusCode::from_u16(status).ok());
    let failure = match &answered {
        Some(status) => (status.as_u16() >= 400).then(|| status.as_str()),
        None => Some(finished.failure.as_ref().map_or("cancelled", |failure| &failure.kind)),
    };
    spans.message(SPANS, |span| {
        begin(span, finished.trace, &head);
        of_attempt(finished, attempt, template, span);
        if let Some(kind) = failure {
            text(span, "error.type", kind);
        }
        end(span, finished.trace, &head, failure);
    });
}

fn of_attempt(finished: &Finished, attempt: &Attempt, template: Option<&str>, span: &mut Message<'_>) {
    text(span, "http.request.method", attempt.method.as_str());
    match &attempt.elsewhere {
        Some((host, port)) => at(span, host, *port),
        None => span.fields(&finished.server.account.attributes(of_account).of_attempts),
    }
    if let Some(template) = template {
        text(span, "url.template", template);
    }
    if let Some(status) = attempt.status {
        number(span, "http.response.status_code", status.into());
    }
    if attempt.resend > 0 {
        number(span, "http.request.resend_count", attempt.resend.into());
    }
    if let Some(left) = attempt.remaining {
        number(span, "chaperone.ratelimit.remaining", left);
    }
}

/// What the tool of a call does upstream.
fn rest(finished: &Finished) -> Option<&Rest> {
    match finished.decided()? {
        Decision::Allowed { offer, .. } => match &offer.tool().operation {
            Operation::Rest(rest) => Some(rest),
            Operation::Static { .. } => None,
        },
        _ => None,
    }
}

fn port_of(uri: &http::Uri) -> u16 {
    if uri.scheme_str() == Some("http") { 80 } else { 443 }
}

/// The fields of a span before its attributes.
fn begin(span: &mut Message<'_>, trace: TraceParent, head: &Head<'_>) {
    span.bytes(1, &trace.trace_id.to_be_bytes());
    span.bytes(2, &head.id.to_be_bytes());
    if let Some(parent) = head.parent {
        span.bytes(4, &parent.to_be_bytes());
    }
    span.joined(5, &head.name);
    span.number(6, head.kind as u64);
    span.fixed64(7, nanoseconds(head.begun));
    span.fixed64(8, nanoseconds(head.ended));
}

/// The fields of a span after its attributes. The status is told by a fixed word and never by the message of the answer,
/// which may repeat what the caller wrote.
fn end(span: &mut Message<'_>, trace: TraceParent, head: &Head<'_>, failure: Option<&str>) {
    span.message(15, |status| {
        if let Some(kind) = failure {
            status.bytes(2, kind.as_bytes());
            status.number(3, ERROR);
        }
    });
    span.fixed32(16, flags(trace, head.remote));
}

fn flags(trace: TraceParent, remote: bool) -> u32 {
    u32::from(trace.flags) | HAS_IS_REMOTE | if remote { IS_REMOTE } else { 0 }
}

/// An attribute whose value is a text.
fn text(span: &mut Message<'_>, key: &str, value: &str) {
    span.pair(9, key, value);
}

/// An attribute whose value is a number.
fn number(span: &mut Message<'_>, key: &str, value: u64) {
    span.message(9, |pair| {
        pair.bytes(1, key.as_bytes());
        // The field is signed.
        pair.message(2, |any| any.number(3, value.min(i64::MAX.cast_unsigned())));
    });
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
