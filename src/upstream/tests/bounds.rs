//! So many requests at once, whatever asks for them.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    sync::{Semaphore, mpsc},
};

use super::faults::{GET, fault, head};
use super::support::{Server, order};
use crate::account::budget::Statement;
use crate::budget::Bucket;
use crate::refusal::{Applied, Limited, Refusal, UpstreamFaultKind};
use crate::upstream::{Config, Upstream};

const TIME: Duration = Duration::from_secs(20);

fn upstream(max_concurrent: usize, max_waiting: usize) -> Upstream {
    Upstream::new(&Config { max_concurrent, max_waiting, ..Config::default() }).unwrap()
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 24\r\nconnection: close\r\n\r\n{\"events\":[],\"mails\":[]}";

/// How many requests are at work and wait on the one account.
fn counts(upstream: &Upstream) -> (usize, usize) {
    let status = &upstream.statuses()[0];
    (status.at_work, status.waiting)
}

/// A server that answers a request when it is let to, and tells of every one.
async fn held() -> (Server, mpsc::UnboundedReceiver<()>, Arc<Semaphore>) {
    let (tell, told) = mpsc::unbounded_channel();
    let let_go = Arc::new(Semaphore::new(0));
    let gate = let_go.clone();
    let server = Server::raw(move |mut stream: TcpStream| {
        let (tell, gate) = (tell.clone(), gate.clone());
        async move {
            head(&mut stream).await;
            tell.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            stream.write_all(ANSWER).await.unwrap();
        }
    })
    .await;
    (server, told, let_go)
}

#[tokio::test]
async fn a_call_of_many_requests_works_with_one_slot() {
    let (server, mut asked, let_go) = held().await;
    let upstream = upstream(1, 256);
    let call = tokio::spawn({
        let (upstream, order) = (upstream.clone(), order(&server.account(), "crm_things_feed", &json!({}), TIME));
        async move { upstream.carry_out(order).await }
    });
    for waiting in [2, 1, 0] {
        asked.recv().await.unwrap();
        assert!((counts(&upstream), asked.try_recv().is_err()) == ((1, waiting), true));
        let_go.add_permits(1);
    }
    assert_eq!(call.await.unwrap().unwrap().exchange.requests, 3);
    assert_eq!(counts(&upstream), (0, 0));
}

#[tokio::test]
async fn beyond_the_bounds_a_call_is_refused_and_the_upstream_hears_nothing_of_it() {
    let (server, mut asked, let_go) = held().await;
    let (account, upstream) = (server.account(), upstream(1, 1));
    let call = || {
        let (upstream, order) = (upstream.clone(), order(&account, GET, &json!({"id": 7}), TIME));
        tokio::spawn(async move { upstream.carry_out(order).await })
    };
    let first = call();
    asked.recv().await.unwrap();
    let second = call();
    while counts(&upstream) != (1, 1) {
        tokio::task::yield_now().await;
    }
    let refused = fault(call().await.unwrap());
    assert_eq!((refused.kind, refused.exchange.requests), (UpstreamFaultKind::Overloaded { waiting: 1 }, 0));
    assert_eq!(refused.kind.retry_after(), Some(1));
    let_go.add_permits(2);
    assert!(first.await.unwrap().is_ok());
    assert!(!second.await.unwrap().unwrap().exchange.queued.is_zero());
    assert_eq!(counts(&upstream), (0, 0));
}

#[tokio::test]
async fn what_waits_when_the_vendors_limit_is_used_up_is_not_sent_any_more() {
    for fail_fast in [true, false] {
        let (server, mut asked, let_go) = held().await;
        let (account, upstream) = (server.account(), upstream(1, 5));
        if fail_fast {
            upstream.ledgers().fail_fast();
        }
        let call = || {
            let (upstream, order) = (upstream.clone(), order(&account, GET, &json!({"id": 7}), TIME));
            tokio::spawn(async move { upstream.carry_out(order).await })
        };
        let first = call();
        asked.recv().await.unwrap();
        let waiting = [call(), call()];
        while counts(&upstream) != (1, 2) {
            tokio::task::yield_now().await;
        }
        let empty = Bucket { scope: "user".into(), limit: 9, remaining: 0, reset: Some(17), window: Some(60) };
        upstream.ledgers().hear(&account, [Statement::Limited(empty.clone())].into_iter(), tokio::time::Instant::now());
        let_go.add_permits(3);
        assert!(first.await.unwrap().is_ok());
        for call in waiting {
            match call.await.unwrap() {
                Err(Refusal::Limited(limited)) if fail_fast => assert_eq!(*limited, Limited::vendor(empty.clone())),
                Ok(_) if !fail_fast => asked.recv().await.unwrap(),
                other => panic!("{other:?}"),
            }
        }
        assert!(asked.try_recv().is_err());
        assert_eq!(counts(&upstream), (0, 0));
    }
}

#[tokio::test]
async fn a_calls_time_includes_its_wait_and_one_that_only_waited_was_never_sent() {
    let (server, mut asked, _let_go) = held().await;
    let (account, upstream) = (server.account(), upstream(1, 1));
    let first = tokio::spawn({
        let (upstream, order) = (upstream.clone(), order(&account, GET, &json!({"id": 7}), TIME));
        async move { upstream.carry_out(order).await }
    });
    asked.recv().await.unwrap();
    let time = Duration::from_millis(100);
    let write = order(&account, "create_a_crm_thing", &json!({"name": "x"}), time);
    let fault = fault(upstream.carry_out(write).await);
    assert_eq!((fault.kind, fault.applied), (UpstreamFaultKind::Timeout(time), Applied::No));
    assert_eq!((fault.exchange.requests, fault.exchange.queued >= time), (0, true));
    assert_eq!(counts(&upstream), (1, 0));
    first.abort();
    assert!(first.await.is_err());
    assert_eq!(counts(&upstream), (0, 0));
}

#[tokio::test]
async fn who_goes_away_leaves_the_queue_and_gives_the_slot_back() {
    let (server, mut asked, _let_go) = held().await;
    let (account, upstream) = (server.account(), upstream(1, 5));
    let call = || {
        let (upstream, order) = (upstream.clone(), order(&account, GET, &json!({"id": 7}), TIME));
        tokio::spawn(async move { upstream.carry_out(order).await })
    };
    let first = call();
    asked.recv().await.unwrap();
    let waiting = [call(), call()];
    while counts(&upstream) != (1, 2) {
        tokio::task::yield_now().await;
    }
    for gone in waiting.into_iter().chain([first]) {
        gone.abort();
        assert!(gone.await.is_err());
    }
    assert_eq!(counts(&upstream), (0, 0));
}
