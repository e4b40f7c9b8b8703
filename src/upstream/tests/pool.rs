//! Connections are kept, given back and replaced; what is left of a call goes down with its connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{sync::Arc, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::faults::{CREATE, GET, arguments};
use super::support::{Server, json, order};
use crate::refusal::{Refusal, UpstreamFaultKind};
use crate::upstream::connector::IDLE;
use crate::upstream::{Config, Upstream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"id\":9}";

/// Reads requests and answers each, so many on one connection; then ends the connection.
async fn answering(each: usize) -> (Server, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let server = Server::raw(move |mut stream: TcpStream| {
        let counted = counted.clone();
        async move {
            let mut buffer = vec![0; 64 << 10];
            for _ in 0..each {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => counted.fetch_add(1, Ordering::SeqCst),
                };
                stream.write_all(ANSWER).await.unwrap();
            }
        }
    });
    (server.await, requests)
}

async fn calls(server: &Server, upstream: &Upstream, tool: &str, times: usize) {
    for _ in 0..times {
        let order = order(&server.account(), tool, &arguments(tool), Duration::from_secs(20));
        upstream.carry_out(order).await.unwrap();
    }
}

#[tokio::test]
async fn calls_one_after_the_other_share_one_connection() {
    let (server, requests) = answering(usize::MAX).await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    calls(&server, &upstream, GET, 10).await;
    assert_eq!((server.connections.load(Ordering::SeqCst), requests.load(Ordering::SeqCst)), (1, 10));
}

#[tokio::test]
async fn a_connection_that_its_peer_ends_after_an_answer_is_replaced_and_even_a_write_is_sent_once() {
    let (server, requests) = answering(1).await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    calls(&server, &upstream, CREATE, 10).await;
    assert_eq!((server.connections.load(Ordering::SeqCst), requests.load(Ordering::SeqCst)), (10, 10));
}

#[tokio::test]
async fn what_a_call_holds_while_it_waits_fits_what_an_allocator_keeps_at_hand() {
    let (server, _) = answering(1).await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    let call = upstream.carry_out(order(&server.account(), GET, &arguments(GET), Duration::from_secs(20)));
    // Of glibc's allocator that is 1,032 bytes; what is larger takes ten times as long to find room for.
    assert!(size_of_val(&call) <= 1024, "{}", size_of_val(&call));
    call.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn connections_that_nobody_takes_are_let_go_of() {
    let (server, _) = answering(usize::MAX).await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    calls(&server, &upstream, GET, 1).await;
    assert_eq!(upstream.pools()[0].open, 1);
    tokio::time::sleep(IDLE * 2).await;
    assert_eq!(upstream.pools()[0].open, 0);
    calls(&server, &upstream, GET, 1).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_takes_its_connection_along_and_the_next_one_is_not_answered_by_it() {
    let server = Server::raw(|mut stream: TcpStream| async move {
        let mut buffer = vec![0; 64 << 10];
        let read = stream.read(&mut buffer).await.unwrap();
        // A delete is answered when it is too late.
        if buffer[..read].starts_with(b"POST") {
            assert_eq!(stream.read(&mut buffer).await.unwrap_or(0), 0, "the connection was used again");
            return;
        }
        stream.write_all(ANSWER).await.unwrap();
    })
    .await;
    let upstream = Upstream::new(&Config::default()).unwrap();
    let late = order(&server.account(), CREATE, &arguments(CREATE), Duration::from_millis(100));
    match upstream.carry_out(late).await {
        Err(Refusal::Upstream(fault)) => assert!(matches!(fault.kind, UpstreamFaultKind::Timeout(_))),
        other => panic!("{other:?}"),
    }
    let next = order(&server.account(), GET, &arguments(GET), Duration::from_secs(20));
    assert_eq!(json(&upstream.carry_out(next).await.unwrap()), serde_json::json!({"id": 9}));
}
