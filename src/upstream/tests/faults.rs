//! Every way in which an upstream can fail to answer.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::support::{Server, account, answer, order};
use crate::refusal::{Applied, Refusal, UpstreamFault, UpstreamFaultKind};
use crate::upstream::{Config, Upstream};

pub(super) const GET: &str = "get_single_crm_thing_by_id";
pub(super) const CREATE: &str = "create_a_crm_thing";

pub(super) fn arguments(tool: &str) -> Value {
    if tool == GET { json!({"id": 7}) } else { json!({"name": "x"}) }
}

pub(super) fn fault(result: Result<crate::outcome::Outcome, Refusal>) -> UpstreamFault {
    match result {
        Err(Refusal::Upstream(fault)) => *fault,
        other => panic!("{other:?}"),
    }
}

/// Read a request's head, so that the answer does not come before the question.
pub(super) async fn head(stream: &mut TcpStream) {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.unwrap());
    }
}

/// A server that answers with these bytes and closes the connection.
async fn says(bytes: &'static [u8]) -> Server {
    Server::raw(move |mut stream| async move {
        head(&mut stream).await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        // Read to the end, so that closing does not become a reset.
        drop(stream.read_to_end(&mut Vec::new()).await);
    })
    .await
}

#[tokio::test]
async fn a_refused_connection_never_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let account = account(&format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let upstream = Upstream::new(&Config::default()).unwrap();
    for (tool, applied) in [(GET, Applied::ReadOnly), (CREATE, Applied::No)] {
        let order = order(&account, tool, &arguments(tool), Duration::from_secs(20));
        let fault = fault(upstream.carry_out(order).await);
        assert_eq!((fault.kind, fault.applied), (UpstreamFaultKind::Unreachable, applied), "{}", fault.detail);
        assert_eq!((fault.exchange.requests, fault.exchange.status), (0, None));
    }
}

#[tokio::test]
async fn silence_ends_with_the_calls_time_and_a_write_may_have_been_applied() {
    let server = Server::raw(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    let time = Duration::from_millis(100);
    for (tool, applied) in [(GET, Applied::ReadOnly), (CREATE, Applied::Maybe)] {
        let fault = fault(upstream.carry_out(order(&server.account(), tool, &arguments(tool), time)).await);
        assert_eq!((fault.kind, fault.applied), (UpstreamFaultKind::Timeout(time), applied));
        assert_eq!((fault.exchange.requests, fault.exchange.status), (1, None));
    }
}

#[tokio::test]
async fn a_slow_body_ends_with_the_calls_time_and_what_came_is_counted() {
    let server = Server::raw(|mut stream| async move {
        head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nx-limit: 9\r\nx-left: 8\r\nx-reset: 7\r\n\r\n{\"a\"")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    let order = order(&server.account(), GET, &arguments(GET), Duration::from_millis(200));
    let fault = fault(upstream.carry_out(order).await);
    assert!(matches!(fault.kind, UpstreamFaultKind::Timeout(_)), "{fault:?}");
    assert_eq!((fault.exchange.status, fault.exchange.received), (Some(200), 4));
    assert_eq!(fault.exchange.budget.0.len(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_incomplete() {
    for (bytes, status) in [
        (&b""[..], None),
        (b"HTTP/1.1 200", None),
        (b"nonsense\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"a\"", Some(200)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n", Some(200)),
    ] {
        let fault = fault(says(bytes).await.call(CREATE, arguments(CREATE)).await);
        assert_eq!((fault.kind, fault.applied), (UpstreamFaultKind::Incomplete, Applied::Maybe), "{}", fault.detail);
        assert_eq!(fault.exchange.status, status);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_what_the_catalog_says_is_incomplete() {
    for (tool, arguments, status, body) in [
        (GET, arguments(GET), 200, "{\"a\""),
        (GET, arguments(GET), 200, "<html>"),
        (GET, arguments(GET), 302, ""),
        ("list_all_crm_things", json!({}), 200, "{\"others\":[]}"),
        ("list_all_crm_things", json!({}), 200, ""),
    ] {
        let fault = fault(Server::start(move |_| answer(status, body)).await.call(tool, arguments).await);
        assert_eq!(fault.kind, UpstreamFaultKind::Incomplete, "{body}");
    }
}

#[tokio::test]
async fn an_answer_is_too_large_whether_it_says_so_or_not() {
    let chunked =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n14\r\n{\"a\":\"aaaaaaaaaaaaa\"\r\n1\r\n}\r\n0\r\n\r\n";
    let sized = b"HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"a\":\"aaaaaaaaaaaaa\"}";
    let upstream = Upstream::new(&Config { max_response: 20, ..Config::default() }).unwrap();
    for (bytes, received) in [(&chunked[..], 20), (sized, 0)] {
        let server = says(bytes).await;
        let order = order(&server.account(), GET, &arguments(GET), Duration::from_secs(20));
        let fault = fault(upstream.carry_out(order).await);
        assert_eq!(fault.kind, UpstreamFaultKind::TooLarge(20));
        assert!(fault.exchange.received >= received);
    }
}

#[tokio::test]
async fn an_error_keeps_its_status_even_if_its_body_breaks_off() {
    let server = says(b"HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 99\r\n\r\n[\"Busy\"").await;
    match server.call(GET, arguments(GET)).await {
        Err(Refusal::Remote(remote)) => {
            assert_eq!((remote.status, remote.kind.as_str(), remote.retry_after), (503, "upstream_error", Some(9)));
            assert_eq!(remote.raw, Some(json!("[\"Busy\"")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn dropping_a_call_cancels_its_request() {
    let (noticed, mut notice) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::raw(move |mut stream| {
        let noticed = noticed.clone();
        async move {
            head(&mut stream).await;
            noticed.send("asked").unwrap();
            // The end of the connection is what the server sees of a cancelled request.
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
            noticed.send("left").unwrap();
        }
    })
    .await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    let order = order(&server.account(), GET, &arguments(GET), Duration::from_secs(20));
    let call = tokio::spawn(async move { upstream.carry_out(order).await });
    assert_eq!(notice.recv().await, Some("asked"));
    call.abort();
    assert_eq!(notice.recv().await, Some("left"));
}
