//! Files, up and down.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::{Value, json};

use super::support::{Server, answer};
use crate::outcome::{Block, Content, Outcome};
use crate::refusal::{Refusal, UpstreamFaultKind};

const DOWNLOAD: &str = "crm_things_download";

fn file(body: &'static str) -> Response<Full<Bytes>> {
    Response::builder()
        .header("content-type", "text/plain; charset=utf-8")
        .header("content-disposition", "attachment; filename=\"a.txt\"")
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap()
}

fn moved(to: &str) -> Response<Full<Bytes>> {
    Response::builder().status(302).header("location", to).body(Full::default()).unwrap()
}

fn block(outcome: Outcome) -> (Block, Value) {
    match outcome.content {
        Content::Blocks { mut blocks, structured: Some(structured), is_error: false } if blocks.len() == 1 => {
            (blocks.remove(0), serde_json::from_slice(&structured).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_redirect_is_followed_without_anything_of_the_account() {
    let storage = Server::start(|_| file("hello")).await;
    let to = format!("http://{}/bucket/a?sig=1", storage.address);
    let api = Server::start(move |_| moved(&to)).await;
    let outcome = api.call(DOWNLOAD, json!({"id": 7})).await.unwrap();
    assert_eq!((outcome.exchange.requests, outcome.exchange.received), (2, 5));
    let expected = json!({"file_name": "a.txt", "media_type": "text/plain", "size": 5});
    assert_eq!(block(outcome), (Block::Text("hello".into()), expected));

    let asked = api.only();
    assert_eq!((asked.uri.path(), &asked.headers["accept"]), ("/api/files/7", &"*/*".parse().unwrap()));
    assert!(asked.headers.contains_key("authorization"));
    let fetched = storage.only();
    assert_eq!(fetched.uri, "/bucket/a?sig=1");
    let mut names: Vec<&str> = fetched.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host", "user-agent"]);
}

#[tokio::test]
async fn a_large_file_is_linked_to_and_not_read() {
    let storage =
        Server::start(|_| file("0123456789012345678901234567890123456789012345678901234567890123456789")).await;
    let to = format!("http://{}/a?sig=1", storage.address);
    let uri = to.clone();
    let outcome = Server::start(move |_| moved(&to)).await.call(DOWNLOAD, json!({"id": 7})).await.unwrap();
    assert_eq!(outcome.exchange.received, 0);
    let link = Block::Link { uri, name: "a.txt".into(), media_type: "text/plain".into(), size: Some(70) };
    assert_eq!(block(outcome).0, link);
}

#[tokio::test]
async fn redirects_end() {
    let api = Server::start(|_| moved("/again")).await;
    match api.call(DOWNLOAD, json!({"id": 7})).await {
        Err(Refusal::Upstream(fault)) => assert_eq!(fault.kind, UpstreamFaultKind::Incomplete),
        other => panic!("{other:?}"),
    }
    assert_eq!(api.seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn an_error_of_the_storage_is_told_without_its_body() {
    let storage = Server::start(|_| answer(403, "[\"sig=1 expired\"]")).await;
    let to = format!("http://{}/a?sig=1", storage.address);
    match Server::start(move |_| moved(&to)).await.call(DOWNLOAD, json!({"id": 7})).await {
        Err(Refusal::Remote(remote)) => {
            assert_eq!((remote.status, remote.kind.as_str(), remote.raw), (403, "forbidden", None));
            assert!(!remote.message.contains("sig"), "{}", remote.message);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_upload_is_a_form_with_the_file_decoded() {
    let server = Server::start(|_| answer(200, "{\"success\":true}")).await;
    let arguments = json!({"file_name": "é.txt", "content": "aMOpIQ==", "media_type": "text/plain", "thing_id": 7});
    server.call("crm_things_upload", arguments).await.unwrap();
    let seen = server.only();
    let kind = seen.headers["content-type"].to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = String::from_utf8(seen.body.to_vec()).unwrap();
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    assert_eq!(parts[1], "\r\nContent-Disposition: form-data; name=\"thing_id\"\r\n\r\n7\r\n");
    let head = "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"é.txt\"\r\nContent-Type: text/plain";
    assert_eq!(parts[2], format!("{head}\r\n\r\nhé!\r\n"));
    assert_eq!((parts[0], parts[3], parts.len()), ("", "--\r\n", 4));
}
