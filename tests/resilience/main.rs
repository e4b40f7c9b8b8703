//! The real binary over an upstream in trouble: the documented answer, within the call's time, and nothing left behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod difficult;
mod minute;
mod stand;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use difficult::Mood;
use serde_json::{Value, json};
use stand::{CALL_TIMEOUT, Stand};
use support::{exchange, post};

const GET: &str = "get_single_affinity_person_by_id";
const CREATE: &str = "create_a_affinity_person";

/// Well above what an answer takes that nobody waits for, even on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(500);

/// The error of a call that must fail, and how long it took.
fn failed(stand: &Stand, tool: &str) -> (Value, Duration) {
    let arguments =
        if tool == GET { json!({"id": 1}) } else { json!({"first_name": "A", "last_name": "B", "emails": []}) };
    let begun = Instant::now();
    let reply = stand.agent().call(tool, &arguments);
    assert!(reply.is_tool_error(), "{:?}", reply.message);
    (reply.structured().clone(), begun.elapsed())
}

/// A refusal by the open breaker: at once, our own, with a time to come back.
fn assert_unavailable(stand: &Stand, tool: &str) {
    let (error, elapsed) = failed(stand, tool);
    assert_eq!((&error["error"], &error["is_remote_error"]), (&json!("upstream_unavailable"), &json!(false)));
    assert!(error["retry_after"].as_u64().is_some_and(|seconds| seconds >= 1), "{error}");
    assert!(elapsed < AT_ONCE, "{elapsed:?}");
}

#[test]
fn every_kind_of_trouble_has_its_answer_in_time_and_leaves_nothing_behind() {
    for (mood, word) in [
        (Mood::Dead, "upstream_unreachable"),
        (Mood::Silent, "upstream_timeout"),
        (Mood::Dripping, "upstream_timeout"),
        (Mood::CutOff, "upstream_incomplete"),
        (Mood::Failing, "upstream_error"),
    ] {
        let stand = Stand::start("upstream: {call_timeout: 1s, breaker: {failures: 3, open_for: 10m}}");
        stand.upstream.turn(mood);
        for _ in 0..3 {
            let (error, took) = failed(&stand, GET);
            assert_eq!(error["error"], word, "{mood:?}");
            assert!(took < CALL_TIMEOUT + AT_ONCE, "{mood:?} {took:?}");
        }
        assert_unavailable(&stand, GET);
        assert_unavailable(&stand, CREATE);
        stand.wait_until_idle();
        assert!(stand.ready().contains("not asked for"), "{}", stand.ready());
    }
}

#[test]
fn an_upstream_that_comes_back_is_found_by_a_read_and_every_change_is_logged() {
    let stand = Stand::start("upstream: {call_timeout: 1s, breaker: {failures: 2, open_for: 1ms}}");
    assert!(!stand.agent().call(GET, &json!({"id": 1})).is_tool_error());
    stand.upstream.turn(Mood::Dead);
    for _ in 0..2 {
        assert_eq!(failed(&stand, CREATE).0["error"], "upstream_unreachable");
    }
    // A millisecond later it is open no longer, but a write does not try.
    stand.until(|| failed(&stand, CREATE).0["message"].as_str().unwrap().contains("make one first"));
    assert_eq!(failed(&stand, GET).0["error"], "upstream_unreachable");
    stand.upstream.turn(Mood::Well);
    stand.until(|| !stand.agent().call(GET, &json!({"id": 1})).is_tool_error());
    let arguments = json!({"first_name": "A", "last_name": "B", "emails": []});
    assert!(!stand.agent().call(CREATE, &arguments).is_tool_error());
    assert!(stand.ready().contains("[+] accounts: test 0 at work and 0 waiting\n"), "{}", stand.ready());
    for word in [r#""breaker.state":"open""#, r#""breaker.state":"half-open""#, r#""breaker.state":"closed""#] {
        assert!(stand.chaperone.log().contains(word), "{word}");
    }
}

#[test]
fn an_upstream_that_fails_for_long_is_asked_little_and_costs_no_memory() {
    let stand = Stand::start("upstream: {call_timeout: 1s, breaker: {failures: 5, open_for: 50ms}}");
    stand.upstream.turn(Mood::Failing);
    let mut refused = 0;
    let mut rounds = |calls: usize| {
        for _ in 0..calls {
            let (error, _) = failed(&stand, GET);
            match error["error"].as_str() {
                Some("upstream_unavailable") => refused += 1,
                Some("upstream_error") => assert_eq!(error["statusCode"], 503),
                other => panic!("{other:?}"),
            }
        }
    };
    // What is made once is made by then.
    rounds(300);
    let before = stand.memory_kib();
    rounds(1500);
    let after = stand.memory_kib();
    let asked = stand.upstream.asked();
    assert_eq!(refused + asked, 1800);
    assert!(asked < 900, "asked {asked} times of 1800");
    assert!(after < before + 4096, "from {before} to {after} KiB");
    stand.wait_until_idle();
}

#[test]
fn a_client_that_goes_away_ends_what_is_under_way_and_what_waits() {
    let stand = Stand::start("upstream: {max_concurrent: 1}");
    stand.upstream.turn(Mood::Silent);
    let message =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": GET, "arguments": {"id": 1}}});
    let bytes = post("/mcp/open", &[("content-type", "application/json")], message.to_string().as_bytes());
    let clients: Vec<_> = (0..3).map(|_| stand.send(&bytes)).collect();
    stand.until(|| stand.ready().contains("test 1 at work and 2 waiting"));
    drop(clients);
    stand.wait_until_idle();
}

#[test]
fn what_is_too_much_in_flight_is_shed_with_a_time_to_come_back() {
    let stand = Stand::start("limits: {max_in_flight: 1}");
    stand.upstream.turn(Mood::Silent);
    let message =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": GET, "arguments": {"id": 1}}});
    let bytes = post("/mcp/open", &[("content-type", "application/json")], message.to_string().as_bytes());
    let first = stand.send(&bytes);
    stand.until(|| stand.ready().contains("serving: 1 requests at work"));
    let answer = exchange(stand.chaperone.address(), &bytes).unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    drop(first);
    stand.wait_until_idle();
}
