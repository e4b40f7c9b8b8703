use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::Arc,
    time::{Instant, SystemTime},
};

use http::Method;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
use prost::Message as _;

use super::*;
use crate::account::Account;
use crate::app::assemble;
use crate::call::{Caller, Origin};
use crate::catalog::Catalog;
use crate::outcome::Exchange;
use crate::secret::Secret;
use crate::server::Server;
use crate::telemetry::finished::{Asked, Captured, Limit, OTHER};

const GET: &str = "get_single_affinity_person_by_id";
const TRACE: TraceParent = TraceParent { trace_id: 0xabc, parent_id: 0x10, flags: 1 };
const OF_SERVER: &str = "network.protocol.name=http network.transport=tcp chaperone.account=acme \
                         chaperone.server.name=s chaperone.policy.generation=1";
const OF_REQUEST: &str = "mcp.protocol.version=2025-11-25 network.protocol.version=1.1";

const FAILED: &str = "kind=2 trace=abc id=10 parent= flags=101 from=1000000 to=1009000 status=2";
const TOOL: &str = "gen_ai.operation.name=execute_tool gen_ai.tool.name=get_single_affinity_person_by_id";
const ALLOWED: &str = "chaperone.decision=allow chaperone.rule=methods: read";

/// A server that reads, of an account at this URL.
fn server(url: &str) -> Arc<Server> {
    let catalog = Catalog::builtin().unwrap();
    let affinity = catalog.integration("affinity").unwrap().clone();
    let account = Account::new("acme".into(), affinity, url.parse().unwrap(), false, Secret::new("")).unwrap();
    let documents = [("s.yaml", "{name: s, account: acme, token: none, config: {methods: [read]}}")];
    let listen = "127.0.0.1:8080".parse().unwrap();
    let registry = assemble::from_documents(&documents, vec![Arc::new(account)], HashMap::new(), listen).unwrap();
    registry.servers()[0].clone()
}

/// A request that began a second after 1970 and took 9 ms.
pub(in crate::telemetry) fn finished(method: &'static str, asked: Option<&str>) -> Finished {
    let server = server("https://api.affinity.example/base");
    Finished {
        caller: Caller::default(),
        origin: Origin { revision: "2025-11-25", http: "1.1", ..Origin::default() },
        trace: TRACE,
        method,
        asked: asked.map(|asked| Asked::new(&asked.into(), server.place(asked))),
        begun_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        begun: Instant::now(),
        duration: Duration::from_millis(9),
        failure: None,
        exchange: Arc::default(),
        captured: Captured::default(),
        server,
    }
}

/// What an attempt is that began 2 ms after its request.
fn attempt(finished: &Finished, status: Option<u16>) -> Attempt {
    Attempt {
        span_id: 0x20,
        method: Method::GET,
        elsewhere: None,
        resend: 0,
        status,
        remaining: None,
        begun: finished.begun + Duration::from_millis(2),
        duration: Duration::from_micros(3001),
    }
}

fn with_attempts(mut finished: Finished, attempts: Vec<Attempt>) -> Finished {
    finished.exchange = Arc::new(Exchange { attempts, ..Exchange::default() });
    finished
}

fn failure(kind: &str, code: Option<i32>, misfits: usize) -> Failure {
    Failure { kind: kind.into(), code, tool_error: code.is_none(), misfits, limit: Limit::default() }
}

fn call(asked: &str, failure: Failure) -> Finished {
    Finished { failure: Some(failure), ..finished("tools/call", Some(asked)) }
}

fn hex(id: &[u8]) -> String {
    let number = id.iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    if id.is_empty() { String::new() } else { format!("{number:x}") }
}

fn value(any: Option<AnyValue>) -> String {
    match any.and_then(|any| any.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => format!("{number}"),
        other => panic!("{other:?}"),
    }
}

/// Everything that a span says, with nothing left out.
fn shown(span: &Span) -> String {
    assert!(span.trace_id.len() == 16 && span.span_id.len() == 8, "{span:?}");
    let mut text = format!("{} kind={} trace={} id={}", span.name, span.kind, hex(&span.trace_id), hex(&span.span_id));
    let micros = |nanos: u64| nanos / 1000;
    let _ = write!(text, " parent={} flags={:x}", hex(&span.parent_span_id), span.flags);
    let _ = write!(text, " from={} to={}", micros(span.start_time_unix_nano), micros(span.end_time_unix_nano));
    let status = span.status.clone().unwrap();
    let _ = write!(text, " status={}{}:", status.code, status.message);
    for pair in span.attributes.clone() {
        let _ = write!(text, " {}={}", pair.key, value(pair.value));
    }
    for link in span.links.clone() {
        assert!(link.trace_state.is_empty() && link.attributes.is_empty() && link.dropped_attributes_count == 0);
        let _ = write!(text, " link={}/{}/{:x}", hex(&link.trace_id), hex(&link.span_id), link.flags);
    }
    let Span { trace_id, span_id, parent_span_id, flags, name, kind, attributes, links, status, .. } = span.clone();
    let (start_time_unix_nano, end_time_unix_nano) = (span.start_time_unix_nano, span.end_time_unix_nano);
    let told = Span {
        trace_id,
        span_id,
        parent_span_id,
        flags,
        name,
        kind,
        start_time_unix_nano,
        end_time_unix_nano,
        attributes,
        links,
        status,
        ..Span::default()
    };
    assert_eq!(*span, told);
    text
}

fn spans(finished: &Finished) -> Vec<String> {
    let mut bytes = Vec::new();
    write(finished, &mut bytes);
    let spans = ScopeSpans::decode(&bytes[..]).unwrap().spans;
    spans.iter().map(shown).collect()
}

#[test]
fn a_call_that_went_well_is_a_span_and_one_for_each_request_to_the_upstream() {
    let mut call = finished("tools/call", Some(GET));
    call.origin.request_id = "request-7".into();
    call.caller = Caller {
        api_token: Some("ci".into()),
        client: Some("agent\n".into()),
        client_version: Some("v".repeat(200).into()),
    };
    call.captured = Captured { arguments: Some("{}".into()), result: Some("r".repeat(4096)) };
    let attempts = vec![
        attempt(&call, Some(503)),
        Attempt { resend: 1, span_id: 0x21, remaining: Some(u64::MAX), ..attempt(&call, Some(302)) },
        Attempt { elsewhere: Some(("files.example".into(), 8443)), span_id: 0x22, ..attempt(&call, Some(200)) },
    ];
    let call = with_attempts(call, attempts);
    let of_attempt = "parent=10 flags=101 from=1002000 to=1005001";
    let base = "http.request.method=GET server.address=api.affinity.example server.port=443 url.template=/persons/{id}";
    assert_eq!(
        spans(&call),
        [
            format!(
                "tools/call {GET} kind=2 trace=abc id=10 parent= flags=101 from=1000000 to=1009000 status=0: \
                 {OF_SERVER} mcp.method.name=tools/call {OF_REQUEST} jsonrpc.request.id=request-7 gen_ai.operation.name=execute_tool \
                 gen_ai.tool.name={GET} chaperone.decision=allow chaperone.rule=methods: read \
                 chaperone.client.name=agent\u{fffd} chaperone.client.version={} chaperone.api_token=ci \
                 gen_ai.tool.call.arguments={{}} gen_ai.tool.call.result={}",
                "v".repeat(80),
                "r".repeat(4096),
            ),
            format!(
                "GET /persons/{{id}} kind=3 trace=abc id=20 {of_attempt} status=2503: {base} http.response.status_code=503 \
                 error.type=503"
            ),
            format!(
                "GET /persons/{{id}} kind=3 trace=abc id=21 {of_attempt} status=0: {base} http.response.status_code=302 \
                 http.request.resend_count=1 chaperone.ratelimit.remaining={}",
                i64::MAX
            ),
            format!(
                "GET kind=3 trace=abc id=22 {of_attempt} status=0: http.request.method=GET server.address=files.example \
                 server.port=8443 http.response.status_code=200"
            ),
        ]
    );
}

#[test]
fn a_request_of_a_trace_names_its_parent_and_what_it_is_linked_to() {
    let mut request = finished("tools/list", None);
    request.origin.parent = Some(0x0f00_0000_0000_0001);
    request.origin.link = Some(TraceParent { trace_id: 0xdef, parent_id: 0x30, flags: 3 });
    request.trace.flags = 3;
    assert_eq!(
        spans(&request),
        [format!(
            "tools/list kind=2 trace=abc id=10 parent=f00000000000001 flags=303 from=1000000 to=1009000 status=0: \
             {OF_SERVER} mcp.method.name=tools/list {OF_REQUEST} link=def/30/303"
        )]
    );
}

#[test]
fn what_was_refused_or_failed_says_why_by_fixed_words() {
    let mut limited = call(GET, failure("rate_limited", None, 0));
    limited.failure.as_mut().unwrap().limit.rule = Some("limits.calls".into());
    for (finished, expected) in [
        (
            Finished { failure: Some(failure("unknown_method", Some(-32601), 0)), ..finished(OTHER, None) },
            format!(
                "_OTHER {FAILED}unknown_method: {OF_SERVER} mcp.method.name=_OTHER {OF_REQUEST} error.type=-32601 \
                 chaperone.refusal=unknown_method rpc.response.status_code=-32601"
            ),
        ),
        (
            call("made_up", failure("unknown_tool", Some(-32602), 0)),
            format!(
                "tools/call {FAILED}unknown_tool: {OF_SERVER} mcp.method.name=tools/call {OF_REQUEST} \
                 gen_ai.operation.name=execute_tool chaperone.decision=deny chaperone.rule=no such tool error.type=-32602 \
                 chaperone.refusal=unknown_tool rpc.response.status_code=-32602"
            ),
        ),
        (
            limited,
            format!(
                "tools/call {GET} {FAILED}rate_limited: {OF_SERVER} mcp.method.name=tools/call {OF_REQUEST} {TOOL} \
                 chaperone.decision=deny chaperone.rule=limits.calls error.type=tool_error \
                 chaperone.refusal=rate_limited"
            ),
        ),
    ] {
        assert_eq!(spans(&finished), [expected]);
    }
}

#[test]
fn arguments_that_do_not_fit_have_a_span_of_their_own() {
    let misfits = call(GET, failure("invalid_arguments", None, 2));
    assert_eq!(
        spans(&misfits),
        [
            format!(
                "tools/call {GET} {FAILED}invalid_arguments: {OF_SERVER} mcp.method.name=tools/call {OF_REQUEST} {TOOL} {ALLOWED} \
                 error.type=tool_error chaperone.refusal=invalid_arguments"
            ),
            format!(
                "arguments kind=1 trace=abc id={:x} parent=10 flags=101 from=1000000 to=1009000 \
                 status=2invalid_arguments: chaperone.arguments.faults=2",
                misfits.trace.nth(ARGUMENTS)
            ),
        ]
    );
}

#[test]
fn a_request_that_nobody_answered_fails_as_its_call_does() {
    let cancelled = call(GET, Failure::unanswered("cancelled"));
    let under_way = vec![attempt(&cancelled, None)];
    assert_eq!(
        spans(&with_attempts(cancelled, under_way)),
        [
            format!(
                "tools/call {GET} {FAILED}cancelled: {OF_SERVER} mcp.method.name=tools/call {OF_REQUEST} {TOOL} {ALLOWED} \
                 error.type=cancelled chaperone.refusal=cancelled"
            ),
            "GET /persons/{id} kind=3 trace=abc id=20 parent=10 flags=101 from=1002000 to=1005001 status=2cancelled: \
             http.request.method=GET server.address=api.affinity.example server.port=443 url.template=/persons/{id} \
             error.type=cancelled"
                .to_owned(),
        ]
    );
}

#[test]
fn a_time_that_no_clock_should_show_is_told_as_near_as_it_can_be() {
    let mut request = finished("ping", None);
    request.begun_at = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    request.duration = Duration::MAX;
    let mut bytes = Vec::new();
    write(&request, &mut bytes);
    let span = ScopeSpans::decode(&bytes[..]).unwrap().spans.remove(0);
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (0, u64::MAX));
}
