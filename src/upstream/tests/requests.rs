//! What goes out, and how good and bad answers come back.

use std::{sync::atomic::Ordering, time::Duration};

use http::Response;
use serde_json::json;

use super::support::{KEY, Server, answer, json, order};
use crate::budget::Bucket;
use crate::refusal::Refusal;
use crate::upstream::{Config, Pool, Upstream};

#[tokio::test]
async fn a_get_carries_what_the_account_and_the_catalog_say_and_nothing_more() {
    let server = Server::start(|_| answer(200, " {\"id\": 7} ")).await;
    let outcome = server.call("get_single_crm_thing_by_id", json!({"id": "7"})).await.unwrap();
    assert_eq!(json(&outcome), json!({"id": 7}));
    let seen = server.only();
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("GET", "/api/things/7"));
    let mut headers: Vec<_> =
        seen.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    headers.sort();
    let expected = [
        "accept: application/json".to_owned(),
        format!("authorization: Bearer {KEY}"),
        format!("host: {}", server.address),
        concat!("user-agent: chaperone/", env!("CARGO_PKG_VERSION")).to_owned(),
        "x-crm-version: 7".to_owned(),
    ];
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn a_write_is_json_and_a_delete_is_acknowledged() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => answer(201, "{\"id\":9}"),
        _ => answer(204, ""),
    })
    .await;
    let made = server.call("create_a_crm_thing", json!({"name": "é\""})).await.unwrap();
    assert_eq!((json(&made), made.exchange.status, made.exchange.requests), (json!({"id": 9}), Some(201), 1));
    let gone = server.call("delete_a_crm_thing_by_id", json!({"id": 9})).await.unwrap();
    assert_eq!(json(&gone), json!({"id": 9, "deleted": true}));
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen[0].body, r#"{"name":"é\""}"#);
    assert_eq!(seen[0].headers["content-type"], "application/json");
    assert_eq!((seen[1].method.as_str(), seen[1].uri.path()), ("DELETE", "/api/things/9"));
    assert!(!seen[1].headers.contains_key("content-type"));
}

#[tokio::test]
async fn an_answer_is_an_object_whatever_the_upstream_says() {
    for (status, body, expected) in [
        (204, "", json!({})),
        (200, " ", json!({})),
        (200, "[1]", json!({"result": [1]})),
        (200, "7", json!({"result": 7})),
    ] {
        let server = Server::start(move |_| answer(status, body)).await;
        let outcome = server.call("get_single_crm_thing_by_id", json!({"id": 7})).await.unwrap();
        assert_eq!(json(&outcome), expected);
    }
}

#[tokio::test]
async fn the_trace_is_told_only_where_it_is_configured() {
    for propagate_trace in [false, true] {
        let server = Server::start(|_| answer(200, "{}")).await;
        let upstream = Upstream::new(&Config { propagate_trace, ..Config::default() }).unwrap();
        let call = order(&server.account(), "get_single_crm_thing_by_id", &json!({"id": 7}), Duration::from_secs(20));
        upstream.carry_out(call).await.unwrap();
        let seen = server.only();
        let told = seen.headers.get("traceparent").map(|value| value.to_str().unwrap());
        assert_eq!(told.is_some(), propagate_trace);
        assert!(told.is_none_or(|text| text.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")), "{told:?}");
        assert!(told.is_none_or(|text| !text.contains("00f067aa0ba902b7")), "a span of its own: {told:?}");
    }
}

#[tokio::test]
async fn calls_share_a_connection() {
    let server = Server::start(|_| answer(200, "{}")).await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    for _ in 0..3 {
        let call = order(&server.account(), "get_single_crm_thing_by_id", &json!({"id": 7}), Duration::from_secs(20));
        upstream.clone().carry_out(call).await.unwrap();
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    assert_eq!(upstream.pools(), [Pool { host: Some("127.0.0.1".into()), open: 1, opened: 1 }]);
}

#[tokio::test]
async fn a_new_credential_is_used_from_the_next_call_on() {
    let server = Server::start(|_| answer(200, "{}")).await;
    let (upstream, account) = (Upstream::new(&Config::default()).unwrap(), server.account());
    let call = || order(&account, "get_single_crm_thing_by_id", &json!({"id": 7}), Duration::from_secs(20));
    upstream.carry_out(call()).await.unwrap();
    account.renew(crate::secret::Secret::new("new")).unwrap();
    upstream.carry_out(call()).await.unwrap();
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen[1].headers["authorization"], "Bearer new");
}

fn limited(status: u16, body: &'static str) -> Response<http_body_util::Full<bytes::Bytes>> {
    let mut response = answer(status, body);
    for (name, value) in [("x-limit", "900"), ("x-left", "0"), ("x-reset", "17")] {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

#[tokio::test]
async fn a_429_says_how_long_to_wait() {
    let server = Server::start(|_| limited(429, r#"["Slow down"]"#)).await;
    let Err(Refusal::Remote(remote)) = server.call("create_a_crm_thing", json!({"name": "x"})).await else {
        panic!("no error")
    };
    assert_eq!((remote.status, remote.kind.as_str(), remote.message.as_str()), (429, "rate_limited", "Slow down"));
    assert_eq!((remote.retry_after, remote.write), (Some(17), true));
    assert_eq!(remote.raw, Some(json!(["Slow down"])));
    let bucket = Bucket { scope: "user".into(), limit: 900, remaining: 0, reset: Some(17), window: Some(60) };
    assert_eq!(remote.exchange.budget.0, [bucket]);
    assert_eq!((remote.exchange.status, remote.exchange.requests, remote.exchange.received), (Some(429), 1, 13));
}

#[tokio::test]
async fn an_error_is_told_by_the_catalog_without_the_credential() {
    let server = Server::start(|_| answer(422, format!("[\"{KEY}: 1 has been merged into 2\"]"))).await;
    let Err(Refusal::Remote(remote)) = server.call("get_single_crm_thing_by_id", json!({"id": 1})).await else {
        panic!("no error")
    };
    assert_eq!((remote.kind.as_str(), remote.hint.as_deref()), ("merged", Some("Use the other id.")));
    assert_eq!(remote.message, "***: 1 has been merged into 2");
    assert_eq!(remote.raw, Some(json!(["***: 1 has been merged into 2"])));
    assert_eq!((remote.retry_after, remote.write), (None, false));
}
