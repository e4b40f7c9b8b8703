//! What a server shows, before and after a reload, and how it speaks of what it does not show.

use serde_json::{Value, json};

use crate::road::{Reply, Road, message};
use crate::support::{Setup, Upstream};

const DELETE: &str = "delete_a_affinity_person_by_id";

fn setup(upstream: &Upstream, config: &str) -> Setup {
    Setup::new(upstream.address()).policy("s", &format!("token: none\nconfig: {config}"))
}

fn list(road: &Road) -> Vec<String> {
    let reply = road.ask("/mcp/s", &[], &message("tools/list", &json!({}))).json();
    let tools = reply["result"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_swapped_set_is_shown_and_enforced_at_once_and_until_then_the_list_is_the_same_to_the_byte() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(&upstream, "{}"));
    let bytes = || road.ask("/mcp/s", &[], &message("tools/list", &json!({}))).body;
    let delete = || road.call("s", DELETE, &json!({"id": 1})).json();
    assert_eq!(bytes(), bytes());
    assert!(list(&road).iter().any(|name| name == DELETE));
    assert_eq!((delete()["result"]["isError"].clone(), upstream.take().len()), (json!(false), 1));

    road.swap(&setup(&upstream, "{methods: [read]}"));
    assert!(list(&road).iter().all(|name| name != DELETE));
    assert_eq!((delete()["error"]["code"].clone(), upstream.take().len()), (json!(-32602), 0));

    road.swap(&setup(&upstream, "{}"));
    assert!(list(&road).iter().any(|name| name == DELETE));
    assert_eq!((delete()["result"]["isError"].clone(), upstream.take().len()), (json!(false), 1));
}

#[test]
fn a_hidden_tool_and_an_unknown_one_are_answered_alike() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(&upstream, "{methods: [read]}"));
    let unknown = "delete_a_affinity_person_by_ids";
    let shape = |reply: &Reply, name: &str| -> Value {
        let mut names: Vec<_> = reply.parts.headers.keys().map(http::HeaderName::to_string).collect();
        names.sort();
        let text = String::from_utf8(reply.body.to_vec()).unwrap().replace(name, "NAME");
        // Each is answered with the name nearest to it, which is not the same.
        let (text, rest) = text.split_once(". Did you mean `").unwrap();
        let rest = rest.split_once('`').unwrap().1;
        json!([reply.status(), names, text, rest])
    };
    for arguments in [json!({"id": 1}), json!({}), json!({"no_such_argument": 1})] {
        let (hidden, stranger) = (road.call("s", DELETE, &arguments), road.call("s", unknown, &arguments));
        assert_eq!(shape(&hidden, DELETE), shape(&stranger, unknown));
        let message = hidden.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(&format!("Unknown tool: {DELETE}")), "{message}");
        assert!(list(&road).iter().any(|name| message.ends_with(&format!("`{name}`?"))), "{message}");
    }
    assert!(upstream.take().is_empty());
}

#[test]
fn the_list_has_one_page_that_every_empty_cursor_asks_for() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(&upstream, "{}"));
    for (params, shown) in [
        (json!({}), true),
        (json!({"cursor": ""}), true),
        (json!({"cursor": null}), true),
        (json!({"cursor": "x"}), false),
        (json!({"cursor": 7}), false),
    ] {
        let reply = road.ask("/mcp/s", &[], &message("tools/list", &params)).json();
        assert_eq!(reply["result"]["tools"].is_array(), shown, "{params}");
        assert_eq!(reply["error"]["code"] == -32602, !shown, "{params}");
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_taken_in_the_handshake_era_alone() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(&upstream, "{}"));
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {}});
    for (version, expected) in [("2025-11-25", 202), ("2026-07-28", 400)] {
        assert_eq!(road.ask("/mcp/s", &[("mcp-protocol-version", version)], &answer).status(), expected, "{version}");
    }
}
