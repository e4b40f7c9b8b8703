//! Lists over many pages.

use serde_json::{Value, json};

use super::support::{Server, answer, json};
use crate::refusal::Refusal;

/// Call a list until its end: the items of every page.
async fn pages(server: &Server, tool: &str, arguments: Value) -> Vec<Value> {
    let (mut pages, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut arguments = arguments.clone();
        if !cursor.is_null() {
            arguments["next_cursor"] = cursor;
        }
        let mut page = json(&server.call(tool, arguments).await.unwrap());
        pages.push(page["result"].take());
        cursor = page["next_cursor"].take();
        if cursor.is_null() {
            return pages;
        }
    }
}

#[tokio::test]
async fn a_list_goes_on_at_the_upstreams_own_token() {
    let server = Server::start(|seen| match seen.parameter("page_token") {
        None => answer(200, r#"{"things":[1,2],"next_page_token":"t/1"}"#),
        Some("t%2F1") => answer(200, r#"{"things":[],"next_page_token":"t2"}"#),
        Some(_) => answer(200, r#"{"next_page_token":null,"things":[3]}"#),
    })
    .await;
    let pages = pages(&server, "list_all_crm_things", json!({"limit": 2, "query": "a b"})).await;
    assert_eq!(pages, [json!([1, 2]), json!([]), json!([3])]);
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen[1].uri, "/api/things?term=a%20b&page_size=2&page_token=t%2F1");
}

#[tokio::test]
async fn a_cursor_with_other_arguments_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| answer(200, r#"{"things":[1],"next_page_token":"t"}"#)).await;
    let first = json(&server.call("list_all_crm_things", json!({"query": "a"})).await.unwrap());
    let other = json!({"query": "b", "next_cursor": first["next_cursor"]});
    match server.call("list_all_crm_things", other).await {
        Err(Refusal::Arguments(misfits)) => assert_eq!(misfits[0].argument, "next_cursor"),
        other => panic!("{other:?}"),
    }
    server.only();
}

/// Two pages of events, one of calls (as an empty page and another), none of mails.
fn feed(seen: &super::support::Seen) -> http::Response<http_body_util::Full<bytes::Bytes>> {
    answer(
        200,
        match (seen.parameter("type").unwrap(), seen.parameter("page_token")) {
            ("0", None) => {
                r#"{"events":[{"id":1,"date":"2026-01-09T00:00:00Z"},{"id":2,"date":"2026-01-05T00:00:00+01:00"}],"next_page_token":"x"}"#
            }
            ("0", _) => r#"{"events":[{"id":3,"date":"2026-01-01T00:00:00Z"},{"id":4}],"next_page_token":null}"#,
            ("1", None) => r#"{"events":[],"next_page_token":"y"}"#,
            ("1", _) => r#"{"events":[{"id":1,"date":"2026-01-04T23:30:00Z"}]}"#,
            _ => r#"{"mails":[]}"#,
        },
    )
}

#[tokio::test]
async fn streams_are_merged_newest_first_over_all_pages() {
    let server = Server::start(feed).await;
    for (limit, lengths) in [(1, vec![1, 1, 1, 1, 1]), (2, vec![2, 2, 1]), (3, vec![3, 2]), (50, vec![5])] {
        let pages = pages(&server, "crm_things_feed", json!({"limit": limit})).await;
        assert_eq!(pages.iter().map(|page| page.as_array().unwrap().len()).collect::<Vec<_>>(), lengths);
        let ids: Vec<&Value> = pages.iter().flat_map(|page| page.as_array().unwrap()).map(|item| &item["id"]).collect();
        assert_eq!(ids, [1, 1, 2, 3, 4]);
    }
    let seen = server.seen.lock().unwrap();
    assert!(seen.iter().all(|seen| seen.parameter("end_time").is_some()));
}

#[tokio::test]
async fn a_stream_that_ended_is_not_asked_again() {
    let server = Server::start(feed).await;
    let first = json(&server.call("crm_things_feed", json!({"limit": 2})).await.unwrap());
    server.seen.lock().unwrap().clear();
    let next = json!({"limit": 2, "next_cursor": first["next_cursor"]});
    server.call("crm_things_feed", next).await.unwrap();
    let seen = server.seen.lock().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.parameter("type") == Some("0")), "{seen:?}");
}

#[tokio::test]
async fn one_stream_that_fails_fails_the_call() {
    let server = Server::start(|seen| match seen.parameter("type") {
        Some("1") => answer(403, "[\"No\"]"),
        _ => feed(seen),
    })
    .await;
    match server.call("crm_things_feed", json!({})).await {
        Err(Refusal::Remote(remote)) => {
            assert_eq!((remote.kind.as_str(), remote.message.as_str()), ("forbidden", "No"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn with_the_argument_one_stream_is_asked() {
    let server = Server::start(feed).await;
    let pages = pages(&server, "crm_things_feed", json!({"type": 2})).await;
    assert_eq!(pages, [json!([])]);
    assert_eq!(server.only().parameter("type"), Some("2"));
}
