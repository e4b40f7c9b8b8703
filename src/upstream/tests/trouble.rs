//! An upstream in trouble: when it is asked again, and when it is not asked at all.

use std::{sync::Arc, time::Duration};

use http::Response;
use serde_json::{Value, json};

use super::faults::{GET, fault, head};
use super::support::{Server, answer, order};
use crate::account::Account;
use crate::outcome::Outcome;
use crate::refusal::{Applied, Refusal, Trouble, UpstreamFaultKind};
use crate::upstream::{Breaker, Config, Mode, Upstream};

const CREATE: &str = "create_a_crm_thing";
const TIME: Duration = Duration::from_secs(20);

fn upstream(failures: u32, retries: u32) -> Upstream {
    let breaker = Breaker { failures, open_for: Duration::from_secs(10) };
    Upstream::new(&Config { breaker, retries, ..Config::default() }).unwrap()
}

async fn call(upstream: &Upstream, account: &Arc<Account>, tool: &str, time: Duration) -> Result<Outcome, Refusal> {
    let arguments: Value = if tool == GET { json!({"id": 7}) } else { json!({"name": "x"}) };
    upstream.carry_out(order(account, tool, &arguments, time)).await
}

#[tokio::test]
async fn a_status_of_5xx_opens_the_breaker_and_then_nothing_is_sent() {
    let server = Server::start(|_| answer(500, "[]")).await;
    let (account, upstream) = (server.account(), upstream(3, 0));
    for _ in 0..3 {
        assert!(matches!(call(&upstream, &account, GET, TIME).await, Err(Refusal::Remote(_))));
    }
    for (tool, applied) in [(GET, Applied::ReadOnly), (CREATE, Applied::No)] {
        let fault = fault(call(&upstream, &account, tool, TIME).await);
        let kind = UpstreamFaultKind::Unavailable { trouble: Trouble::Status(500), retry_after: 10, reads_pass: false };
        assert_eq!((fault.kind, fault.applied, fault.exchange.requests), (kind, applied, 0));
    }
    assert_eq!(server.seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn an_answer_of_4xx_and_429_never_opens_the_breaker() {
    for status in [400, 404, 429] {
        let server = Server::start(move |_| answer(status, "[]")).await;
        let (account, upstream) = (server.account(), upstream(1, 5));
        for _ in 0..30 {
            assert!(matches!(call(&upstream, &account, GET, TIME).await, Err(Refusal::Remote(_))));
        }
        assert_eq!((server.seen.lock().unwrap().len(), upstream.statuses()[0].breaker), (30, Mode::Closed));
    }
}

#[tokio::test]
async fn silence_and_answers_that_break_off_open_the_breaker() {
    let silent = Server::raw(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    });
    let broken = Server::raw(|mut stream| async move {
        head(&mut stream).await;
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"a\"";
        tokio::io::AsyncWriteExt::write_all(&mut stream, text).await.unwrap();
    });
    for (server, trouble) in [(silent.await, Trouble::Timeout), (broken.await, Trouble::Incomplete)] {
        let (account, upstream) = (server.account(), upstream(1, 0));
        fault(call(&upstream, &account, GET, Duration::from_millis(100)).await);
        let status = &upstream.statuses()[0];
        assert!(matches!(status.breaker, Mode::Open(_)), "{status:?}");
        assert_eq!(status.trouble, trouble);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_says_nothing_of_the_upstream() {
    let (tell, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            head(&mut stream).await;
            tell.send(()).unwrap();
            std::future::pending::<()>().await;
        }
    })
    .await;
    let (account, upstream) = (server.account(), upstream(1, 0));
    let (clone, theirs) = (upstream.clone(), account.clone());
    let running = tokio::spawn(async move { call(&clone, &theirs, GET, TIME).await });
    asked.recv().await.unwrap();
    running.abort();
    assert!(running.await.is_err());
    assert_eq!(upstream.statuses()[0].breaker, Mode::Closed);
}

/// A server that answers with this status first, and well from then on.
async fn recovers(status: u16, header: Option<(&'static str, &'static str)>) -> Server {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    Server::start(move |_| {
        if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 {
            return answer(200, "{}");
        }
        let mut first: Response<_> = answer(status, "[]");
        first.headers_mut().extend(
            header.map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))),
        );
        first
    })
    .await
}

#[tokio::test]
async fn only_a_read_that_met_502_503_or_504_is_sent_again_and_only_where_it_is_wanted() {
    for (status, header, tool, retries, sent) in [
        (502, None, GET, 2, 2),
        (503, None, GET, 2, 2),
        (504, None, GET, 1, 2),
        (503, None, GET, 0, 1),
        (503, None, CREATE, 2, 1),
        (503, Some(("retry-after", "9")), GET, 2, 1),
        (500, None, GET, 2, 1),
        (429, None, GET, 2, 1),
    ] {
        let server = recovers(status, header).await;
        let result = call(&upstream(0, retries), &server.account(), tool, TIME).await;
        assert_eq!(server.seen.lock().unwrap().len(), sent, "{status} {tool} {retries}");
        match result {
            Ok(outcome) => assert_eq!((outcome.exchange.requests, outcome.exchange.resent()), (2, 1)),
            Err(refusal) => assert_eq!((refusal.exchange().unwrap().resent(), sent), (0, 1)),
        }
    }
}

#[tokio::test]
async fn retries_end_and_never_go_beyond_the_calls_time() {
    let server = Server::start(|_| answer(503, "[]")).await;
    match call(&upstream(0, 2), &server.account(), GET, TIME).await {
        Err(Refusal::Remote(remote)) => assert_eq!((remote.exchange.requests, remote.exchange.resent()), (3, 2)),
        other => panic!("{other:?}"),
    }
    match call(&upstream(0, 2), &server.account(), GET, Duration::from_millis(40)).await {
        Err(Refusal::Remote(remote)) => assert_eq!(remote.exchange.resent(), 0),
        other => panic!("{other:?}"),
    }
}
