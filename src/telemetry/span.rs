//! What a request looks like as spans, by the semantic conventions for MCP (`open-telemetry/semantic-conventions-genai`,
//! in development) and for HTTP clients. The names are written out here, since the conventions still move.
//!
//! Names that the caller makes up (tools, methods) are neither span names nor attribute values.

use std::time::SystemTime;

use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{Link, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::access::fit;
use super::finished::{Failure, Finished, Verdict};
use crate::catalog::tool::{Operation, Rest};
use crate::outcome::Attempt;
use crate::server::Decision;
use crate::trace::TraceParent;

/// The number of the span of the argument check among those below the call's; requests are counted from 0.
const ARGUMENTS: u64 = u32::MAX as u64;

/// Add the spans of a request to `spans`.
pub(super) fn write(finished: &Finished, scope: &InstrumentationScope, spans: &mut Vec<SpanData>) {
    spans.push(server(finished, scope));
    if let Some(failure) = finished.failure.as_ref().filter(|failure| failure.misfits > 0) {
        spans.push(arguments(finished, failure, scope));
    }
    spans.extend(finished.exchange.attempts.iter().map(|attempt| client(finished, attempt, scope)));
}

fn server(finished: &Finished, scope: &InstrumentationScope) -> SpanData {
    let tool = finished.tool();
    let name = match tool {
        Some(tool) => format!("{} {tool}", finished.method).into(),
        None => finished.method.into(),
    };
    let mut links = SpanLinks::default();
    if let Some(link) = finished.origin.link {
        links.links.push(Link::new(context(link, link.parent_id, true), Vec::new(), 0));
    }
    SpanData {
        parent_span_id: finished.origin.parent.map_or(SpanId::INVALID, id),
        parent_span_is_remote: finished.origin.parent.is_some(),
        links,
        status: status(finished.failure.as_ref().map(|failure| failure.kind.as_str())),
        attributes: of_request(finished, tool),
        ..span(finished, finished.trace.parent_id, SpanKind::Server, name, scope)
    }
}

fn of_request(finished: &Finished, tool: Option<&str>) -> Vec<KeyValue> {
    let (origin, caller, captured) = (&finished.origin, &finished.caller, &finished.captured);
    let mut attributes = Vec::with_capacity(24);
    let mut put = |key: &'static str, value: &str| attributes.push(KeyValue::new(key, value.to_owned()));
    put("mcp.method.name", finished.method);
    put("mcp.protocol.version", origin.revision);
    put("network.protocol.name", "http");
    put("network.protocol.version", origin.http);
    put("network.transport", "tcp");
    put("chaperone.server.name", &finished.server.name);
    put("chaperone.account", &finished.server.account.id);
    if !origin.request_id.is_empty() {
        put("jsonrpc.request.id", &origin.request_id);
    }
    if finished.asked.is_some() {
        put("gen_ai.operation.name", "execute_tool");
    }
    if let Some(tool) = tool {
        put("gen_ai.tool.name", tool);
    }
    if let Some((verdict, rule)) = finished.decision() {
        put("chaperone.decision", Verdict::word(verdict));
        put("chaperone.rule", rule);
    }
    if let Some(failure) = &finished.failure {
        put("error.type", &failure.error_type());
        put("chaperone.refusal", &failure.kind);
        if let Some(code) = failure.code {
            put("rpc.response.status_code", &code.to_string());
        }
    }
    for (key, value) in [
        ("chaperone.client.name", caller.client.as_deref()),
        ("chaperone.client.version", caller.client_version.as_deref()),
        ("chaperone.api_token", caller.api_token.as_deref()),
    ] {
        if let Some(value) = value {
            put(key, &fit(value));
        }
    }
    for (key, value) in
        [("gen_ai.tool.call.arguments", &captured.arguments), ("gen_ai.tool.call.result", &captured.result)]
    {
        if let Some(value) = value {
            put(key, value);
        }
    }
    attributes.push(KeyValue::new("chaperone.policy.generation", number(finished.server.generation)));
    attributes
}

/// The check of the arguments, where it refused: nothing else is worth a span of its own.
fn arguments(finished: &Finished, failure: &Failure, scope: &InstrumentationScope) -> SpanData {
    SpanData {
        status: status(Some(&failure.kind)),
        attributes: vec![KeyValue::new("chaperone.arguments.faults", number(failure.misfits as u64))],
        ..child(finished, finished.trace.nth(ARGUMENTS), SpanKind::Internal, "arguments".into(), scope)
    }
}

fn client(finished: &Finished, attempt: &Attempt, scope: &InstrumentationScope) -> SpanData {
    let base = &finished.server.account.base_url;
    let template = rest(finished).filter(|_| attempt.elsewhere.is_none()).map(|rest| rest.template.as_str());
    let method = attempt.method.as_str();
    let name = template.map_or_else(|| method.to_owned(), |template| format!("{method} {template}"));
    let (host, port) = match &attempt.elsewhere {
        Some((host, port)) => (host.as_str(), *port),
        None => (base.host().unwrap_or_default(), base.port_u16().unwrap_or(port_of(base))),
    };
    let mut attributes = vec![
        KeyValue::new("http.request.method", method.to_owned()),
        KeyValue::new("server.address", host.to_owned()),
        KeyValue::new("server.port", i64::from(port)),
    ];
    attributes.extend(template.map(|template| KeyValue::new("url.template", template.to_owned())));
    attributes.extend(attempt.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
    if attempt.resend > 0 {
        attributes.push(KeyValue::new("http.request.resend_count", i64::from(attempt.resend)));
    }
    attributes.extend(attempt.remaining.map(|left| KeyValue::new("chaperone.ratelimit.remaining", number(left))));
    let failure = match attempt.status {
        Some(status) => (status >= 400).then(|| status.to_string()),
        None => Some(finished.failure.as_ref().map_or_else(|| "cancelled".into(), |failure| failure.kind.clone())),
    };
    attributes.extend(failure.clone().map(|kind| KeyValue::new("error.type", kind)));
    let begun = finished.at(attempt.begun);
    SpanData {
        start_time: begun,
        end_time: begun + attempt.duration,
        status: status(failure.as_deref()),
        attributes,
        ..child(finished, attempt.span_id, SpanKind::Client, name, scope)
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

fn child(finished: &Finished, span_id: u64, kind: SpanKind, name: String, scope: &InstrumentationScope) -> SpanData {
    SpanData { parent_span_id: id(finished.trace.parent_id), ..span(finished, span_id, kind, name.into(), scope) }
}

fn span(
    finished: &Finished,
    span_id: u64,
    kind: SpanKind,
    name: std::borrow::Cow<'static, str>,
    scope: &InstrumentationScope,
) -> SpanData {
    let begun: SystemTime = finished.begun_at;
    SpanData {
        span_context: context(finished.trace, span_id, false),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: kind,
        name,
        start_time: begun,
        end_time: begun + finished.duration,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope.clone(),
    }
}

fn context(trace: TraceParent, span_id: u64, remote: bool) -> SpanContext {
    let flags = TraceFlags::new(trace.flags);
    SpanContext::new(TraceId::from_bytes(trace.trace_id.to_be_bytes()), id(span_id), flags, remote, TraceState::NONE)
}

fn id(id: u64) -> SpanId {
    SpanId::from_bytes(id.to_be_bytes())
}

/// A fixed word and never the message of the answer, which may repeat what the caller wrote.
fn status(failure: Option<&str>) -> Status {
    failure.map_or(Status::Unset, |kind| Status::error(kind.to_owned()))
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
