//! What a conversation looks like in a tracing backend.

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use serde_json::json;

use crate::receiver::{Receiver, attribute, hex};
use crate::sidecar::{Sidecar, call, message};
use crate::support::{CREDENTIAL, Scripted, Setup, Upstream};

const GET: &str = "get_single_affinity_person_by_id";
const CREATE: &str = "create_a_affinity_person";
const META: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const HEADER: &str = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01";
const ARGUMENT: &str = "value-of-an-argument";
const RESULT: &str = "what-the-vendor-answered";

fn setup(upstream: &Upstream, receiver: &Receiver, more: &str) -> Setup {
    let otlp =
        format!("otlp: {{endpoint: \"http://{}\", headers: {{x-key: {{file: ./credential}}}}}}", receiver.address);
    Setup::new(upstream.address())
        .policy("full", "token: none")
        .policy("read", "token: none\nconfig: {methods: [read]}")
        .with(&format!("telemetry:\n  service_name: under-test\n  {otlp}\n  {more}"))
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| {
        let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
        panic!("{name} is not among {names:?}")
    })
}

fn failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error)
}

#[test]
fn a_conversation_is_told_with_its_parents_and_attributes_over_either_protocol_and_nothing_else() {
    for protocol in ["grpc", "http/protobuf"] {
        let (upstream, receiver) = (Upstream::start(), Receiver::start());
        upstream.answer(|seen| {
            let mut answer = match seen.method.as_str() {
                "GET" => Scripted::json(200, &json!({"id": 7, "first_name": RESULT})),
                _ => Scripted::json(422, &json!([RESULT])),
            };
            for (name, value) in [("Limit-User", "900"), ("Limit-User-Remaining", "899"), ("Limit-User-Reset", "17")] {
                answer.headers.push((format!("X-Ratelimit-{name}"), value.into()));
            }
            answer
        });
        let variables = [("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), ("OTEL_METRICS_EXPORTER", "none")];
        let mut sidecar = Sidecar::with(&setup(&upstream, &receiver, "traces: {sample: 1.0}"), &variables);
        let mut traced = call(GET, &json!({"id": 7}));
        traced["params"]["_meta"] = json!({"traceparent": META});
        sidecar.ask("full", &[("traceparent", HEADER), ("user-agent", "agent/1")], &traced);
        sidecar.ask("full", &[("traceparent", HEADER)], &message("tools/list", &json!({})));
        sidecar.call("full", CREATE, &json!({"first_name": ARGUMENT, "last_name": ARGUMENT, "emails": [ARGUMENT]}));
        sidecar.call("full", GET, &json!({"id": ARGUMENT}));
        sidecar.call("read", CREATE, &json!({"first_name": ARGUMENT}));
        sidecar.call("full", "made_up_tool", &json!({"x": ARGUMENT}));
        sidecar.ask("full", &[], &message("made/up", &json!({})));
        sidecar.end();
        judge(&receiver, protocol);
        assert_eq!(receiver.headers()[0]["x-key"], CREDENTIAL, "{protocol}");
    }
}

fn judge(receiver: &Receiver, protocol: &str) {
    let spans = receiver.spans();
    assert!(receiver.services().iter().all(|service| service == "under-test"), "{protocol}");
    let get = named(&spans, &format!("tools/call {GET}"));
    assert_eq!((hex(&get.trace_id).as_str(), hex(&get.parent_span_id).as_str()), (&META[3..35], &META[36..52]));
    assert_eq!((get.links.len(), hex(&get.links[0].trace_id).as_str()), (1, &HEADER[3..35]));
    assert_eq!(get.kind(), SpanKind::Server);
    for (key, value) in [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.tool.name", GET),
        ("gen_ai.operation.name", "execute_tool"),
        ("jsonrpc.request.id", "request-7"),
        ("mcp.protocol.version", "2025-11-25"),
        ("network.protocol.name", "http"),
        ("chaperone.server.name", "full"),
        ("chaperone.account", "test"),
        ("chaperone.decision", "allow"),
        ("chaperone.policy.generation", "1"),
        ("chaperone.client.name", "agent/1"),
        ("error.type", ""),
    ] {
        assert_eq!(attribute(get, key), value, "{key}");
    }
    let client = spans.iter().find(|span| span.parent_span_id == get.span_id).unwrap();
    assert_eq!((client.kind(), &client.trace_id), (SpanKind::Client, &get.trace_id));
    assert!(client.start_time_unix_nano >= get.start_time_unix_nano);
    assert!(client.end_time_unix_nano <= get.end_time_unix_nano && !failed(get) && !failed(client));
    for (key, value) in [
        ("http.request.method", "GET"),
        ("server.address", "127.0.0.1"),
        ("url.template", "/persons/{id}"),
        ("http.response.status_code", "200"),
        ("chaperone.ratelimit.remaining", "899"),
    ] {
        assert_eq!(attribute(client, key), value, "{key}");
    }

    let list = named(&spans, "tools/list");
    assert_eq!((hex(&list.trace_id).as_str(), list.links.len()), (&HEADER[3..35], 0));

    let refused: Vec<_> = spans.iter().filter(|span| failed(span) && span.kind() == SpanKind::Server).collect();
    let told: Vec<_> = refused.iter().map(|span| (span.name.as_str(), attribute(span, "error.type"))).collect();
    let tool = |name: &str| format!("tools/call {name}");
    assert_eq!(
        told,
        [
            (tool(CREATE).as_str(), "tool_error".into()),
            (tool(GET).as_str(), "tool_error".into()),
            (tool(CREATE).as_str(), "-32602".into()),
            ("tools/call", "-32602".into()),
            ("_OTHER", "-32601".to_owned()),
        ]
    );
    assert_eq!(attribute(refused[2], "chaperone.decision"), "deny");
    assert!(attribute(refused[2], "chaperone.rule").starts_with("methods"));
    assert_eq!(attribute(refused[3], "gen_ai.tool.name"), "");
    let check = named(&spans, "arguments");
    assert_eq!((check.kind(), &check.parent_span_id), (SpanKind::Internal, &refused[1].span_id));

    for text in [ARGUMENT, RESULT, CREDENTIAL, "made_up_tool", "made/up"] {
        assert!(!receiver.knows(text), "{protocol}: {text}");
    }
}

#[test]
fn what_failed_or_was_refused_is_traced_though_nothing_else_is() {
    let (upstream, receiver) = (Upstream::start(), Receiver::start());
    let mut sidecar = Sidecar::start(&setup(&upstream, &receiver, "traces: {sample: 0}"));
    sidecar.call("full", GET, &json!({"id": 7}));
    sidecar.ask("full", &[], &message("tools/list", &json!({})));
    // The caller traces this one, and that counts.
    sidecar.ask("full", &[("traceparent", META)], &message("ping", &json!({})));
    sidecar.call("read", CREATE, &json!({}));
    sidecar.end();
    let names: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["ping".to_owned(), format!("tools/call {CREATE}")]);
}

#[test]
fn a_call_whose_client_went_away_shows_what_was_asked_of_the_upstream_until_then() {
    let (upstream, receiver) = (Upstream::start(), Receiver::start());
    let mut sidecar = Sidecar::start(&setup(&upstream, &receiver, "traces: {sample: 1.0}"));
    sidecar.abandon("full", GET, &upstream);
    sidecar.end();
    let spans = receiver.spans();
    let call = named(&spans, &format!("tools/call {GET}"));
    assert_eq!((failed(call), attribute(call, "error.type").as_str()), (true, "cancelled"));
    let request = named(&spans, "GET /persons/{id}");
    assert_eq!((request.kind(), &request.parent_span_id), (SpanKind::Client, &call.span_id));
    assert_eq!((failed(request), attribute(request, "error.type").as_str()), (true, "cancelled"));
    assert!(request.end_time_unix_nano <= call.end_time_unix_nano);
    let text = sidecar.metrics();
    let line = r#"http_client_request_duration_seconds_count{error_type="no_answer",http_request_method="GET",server_address="127.0.0.1"} 1"#;
    assert!(text.lines().any(|found| found == line), "{text}");
}

#[test]
fn what_is_captured_is_masked() {
    let (upstream, receiver) = (Upstream::start(), Receiver::start());
    upstream.answer(|_| Scripted::json(200, &json!({"id": 7, "first_name": "Ann", "primary_email": "a@secret"})));
    let mut sidecar = Sidecar::start(&setup(&upstream, &receiver, "capture: [arguments, results]"));
    let arguments = json!({"first_name": "Ann", "last_name": "Lee", "emails": ["a@secret"]});
    sidecar.call("full", CREATE, &arguments);
    sidecar.end();
    let spans = receiver.spans();
    let span = named(&spans, &format!("tools/call {CREATE}"));
    assert_eq!(
        attribute(span, "gen_ai.tool.call.arguments"),
        r#"{"first_name":"Ann","last_name":"Lee","emails":"***"}"#
    );
    assert!(attribute(span, "gen_ai.tool.call.result").contains(r#""primary_email":"***""#));
    assert!(!receiver.knows("a@secret"));
}
