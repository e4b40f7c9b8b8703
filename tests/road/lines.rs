//! The line of a call: one for each, whatever became of it, and nothing in it that must not be there.

use std::{
    io,
    sync::{Arc, Mutex, Once},
};

use chaperone::{
    server::token,
    telemetry::{self, Format},
};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use tower::ServiceExt as _;

use crate::road::{Road, call, post};
use crate::support::{CREDENTIAL, Scripted, Setup, Upstream};

const TOKEN: &str = "a-server-token-of-enough-letters";
const API_TOKEN: &str = "an-api-token-of-enough-letters";
const ARGUMENT: &str = "the value of an argument";
const RESULT: &str = "what the vendor answered";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const GET: &str = "get_single_affinity_person_by_id";
const LIST: &str = "list_all_affinity_persons";

/// What is logged, as it would go to stderr.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Do something and keep what it logs.
    pub(crate) fn of(format: Format, work: impl FnOnce()) -> String {
        // While a single subscriber lives, `tracing` asks that of whatever thread comes to an event first, and a thread
        // without one would switch the event off for all. With one for every thread there is no such thread.
        static EVERYWHERE: Once = Once::new();
        let config = telemetry::Config { format, level: "trace".into(), ..telemetry::Config::default() };
        EVERYWHERE.call_once(|| {
            tracing::dispatcher::set_global_default(telemetry::log(&config, io::sink, false).unwrap()).unwrap();
        });
        let log = Self::default();
        let writer = log.clone();
        let dispatch = telemetry::log(&config, move || writer.clone(), false).unwrap();
        tracing::dispatcher::with_default(&dispatch, work);
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of calls, in order.
    pub(crate) fn calls(work: impl FnOnce()) -> (Vec<Value>, String) {
        let log = Self::of(Format::Json, work);
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        (lines.filter(|line| line["target"] == "chaperone::access").collect(), log)
    }
}

fn setup(upstream: std::net::SocketAddr) -> Setup {
    let hash = |token: &str| token::to_hex(&token::hash(token));
    Setup::new(upstream).api_token(&format!("alice:sha256:{}", hash(API_TOKEN))).policy(
        "s",
        &format!("token: {{sha256: {:?}}}\nconfig: {{methods: [read], require_api_token_auth: true}}", hash(TOKEN)),
    )
}

fn ask(road: &Road, tool: &str, arguments: &Value) {
    let bearer = format!("Bearer {API_TOKEN}");
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers =
        [("authorization", bearer.as_str()), ("user-agent", "an-agent/1.0"), ("traceparent", traceparent.as_str())];
    road.ask(&format!("/mcp/{TOKEN}"), &headers, &call(tool, arguments));
}

fn without_secrets(log: &str) {
    for secret in [TOKEN, API_TOKEN, CREDENTIAL, ARGUMENT, RESULT] {
        assert!(!log.contains(secret), "`{secret}` in the log:\n{log}");
    }
}

#[test]
fn every_call_has_one_line_with_who_what_and_what_became_of_it_and_no_secret() {
    let upstream = Upstream::start();
    upstream.answer(|request| match request.path.as_str() {
        "/persons/1" => Scripted::json(200, &json!({"id": 1, "name": RESULT})),
        "/persons/2" => Scripted::json(404, &json!([RESULT])),
        _ => Scripted { body: format!("{{{RESULT}").into(), ..Scripted::json(200, &Value::Null) },
    });
    let road = Road::over(&setup(upstream.address()));
    let (lines, log) = Log::calls(|| {
        ask(&road, GET, &json!({"id": 1}));
        ask(&road, GET, &json!({"id": 2}));
        ask(&road, LIST, &json!({"query": ARGUMENT}));
        ask(&road, LIST, &json!({"limit": ARGUMENT, "no_such_argument": ARGUMENT}));
        ask(&road, "delete_a_affinity_person_by_id", &json!({"id": ARGUMENT}));
        ask(&road, "no_such_tool", &json!({"id": ARGUMENT}));
    });
    without_secrets(&log);
    let found: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!([
                line["tool"],
                line["decision"],
                line["rule"],
                line["error"],
                line["upstream.status"],
                line["upstream.requests"]
            ])
        })
        .collect();
    let rule = "methods: read";
    let expected = [
        json!([GET, "allow", rule, null, 200, 1]),
        json!([GET, "allow", rule, "not_found", 404, 1]),
        json!([LIST, "allow", rule, "upstream_incomplete", 200, 1]),
        json!([LIST, "allow", rule, "invalid_arguments", null, 0]),
        json!(["delete_a_affinity_person_by_id", "deny", "methods", "unknown_tool", null, 0]),
        json!(["no_such_tool", "deny", "no such tool", "unknown_tool", null, 0]),
    ];
    assert_eq!(found, expected, "{log}");
    for line in &lines {
        for (field, value) in [
            ("trace_id", TRACE),
            ("server.name", "s"),
            ("server.id", "file:s"),
            ("account", "test"),
            ("client.name", "an-agent/1.0"),
            ("api_token", "alice"),
        ] {
            assert_eq!(line[field], value, "{field} in {line}");
        }
        for field in ["duration_us", "upstream.duration_us", "upstream.bytes"] {
            assert!(line[field].is_u64(), "{field} in {line}");
        }
        assert!(line["timestamp"].is_string());
    }
}

#[test]
fn a_request_that_is_turned_away_tells_the_log_no_secret() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(upstream.address()));
    let (lines, log) = Log::calls(|| {
        for path in [format!("/mcp/{TOKEN}"), format!("/mcp/x{TOKEN}"), format!("/{TOKEN}")] {
            let headers = [("authorization", format!("Bearer x{API_TOKEN}")), ("x-api-token", format!("x{API_TOKEN}"))];
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            road.ask(&path, &headers, &call(GET, &json!({"id": ARGUMENT})));
        }
    });
    assert!(lines.is_empty());
    for refusal in
        [r#""server.name":"s","refusal":"api_token""#, r#""refusal":"unknown_server""#, r#""refusal":"unknown_path""#]
    {
        assert!(log.contains(refusal), "{log}");
    }
    without_secrets(&log);
}

#[test]
fn a_call_whose_client_went_away_is_cancelled_upstream_and_has_its_line() {
    // Bound in a runtime of its own, which the road then takes over by being asked on it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let road = Road::over(&setup(listener.local_addr().unwrap()));
    let (lines, log) = Log::calls(|| {
        road.runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            let bearer = format!("Bearer {API_TOKEN}");
            let request = post(&format!("/mcp/{TOKEN}"), &[("authorization", &bearer)], &call(GET, &json!({"id": 1})));
            let mut answer = Box::pin(road.service.clone().oneshot(request));
            let mut stream = tokio::select! {
                _ = &mut answer => panic!("nobody answered, and yet there is an answer"),
                arrived = listener.accept() => arrived.unwrap().0,
            };
            let mut chunk = [0; 4096];
            let first = tokio::select! {
                _ = &mut answer => panic!("nobody answered, and yet there is an answer"),
                request = stream.read(&mut chunk) => request.unwrap(),
            };
            assert!(first > 0);
            drop(answer);
            assert_eq!(stream.read(&mut chunk).await.unwrap(), 0, "the upstream's connection ends");
        });
    });
    without_secrets(&log);
    let [line] = lines.as_slice() else { panic!("{log}") };
    assert_eq!((&line["tool"], &line["decision"], &line["error"]), (&json!(GET), &json!("allow"), &json!("cancelled")));
    assert_eq!(line["upstream.requests"], 1, "what may have changed something is told: {line}");
}

#[test]
fn no_caller_writes_a_line_or_a_colour_into_a_log() {
    let upstream = Upstream::start();
    let road = Road::over(&Setup::new(upstream.address()).policy("s", "token: none"));
    let evil = "x\n2030-01-01T00:00:00Z  INFO chaperone::access: call\r\u{1b}[31m\u{9b}31m\u{2028}";
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": evil, "version": evil},
    });
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, evil);
    let name = format!("=?base64?{encoded}?=");
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", name.as_str())];
    let message = crate::road::message("tools/call", &json!({"name": evil, "arguments": {}, "_meta": meta}));
    for format in [Format::Text, Format::Json] {
        let log = Log::of(format, || drop(road.ask("/mcp/s", &headers, &message)));
        assert_eq!(log.lines().filter(|line| line.contains("chaperone::access")).count(), 1, "{log}");
        assert!(log.lines().all(|line| !line.starts_with("2030")), "{log}");
        assert!(!log.contains(|c: char| c.is_control() && c != '\n'), "{log:?}");
    }
}
