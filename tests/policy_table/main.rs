//! methods × tags × allow and deny × expiry × API token, in `tools/list` and in `tools/call`, over an invented vendor.

#[path = "../support/mod.rs"]
mod support;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::{Agent, Chaperone, Reply, Scripted, Setup, Upstream};

/// Every tool of the catalog, in its order, with arguments that fit.
const TOOLS: [(&str, &str); 9] = [
    ("list_all_library_books", "{}"),
    ("get_single_library_book_by_id", r#"{"id":1}"#),
    ("create_a_library_book", r#"{"title":"Emma"}"#),
    ("update_a_library_book_by_id", r#"{"id":1,"title":"Emma"}"#),
    ("delete_a_library_book_by_id", r#"{"id":1}"#),
    ("library_books_scan", "{}"),
    ("list_all_library_loans", "{}"),
    ("create_a_library_loan", r#"{"book_id":1}"#),
    ("library_loans_remind", "{}"),
];

/// `config` of a policy, and the tools that it leaves, as places in [`TOOLS`].
const POLICIES: &[(&str, &[usize])] = &[
    ("{}", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ("{methods: [read]}", &[0, 1, 6]),
    ("{methods: [write]}", &[2, 3, 4, 7]),
    ("{methods: [custom]}", &[5, 8]),
    ("{methods: [read, custom]}", &[0, 1, 5, 6, 8]),
    ("{methods: [list]}", &[0, 6]),
    ("{methods: [get]}", &[1]),
    ("{methods: [Create, UPDATE]}", &[2, 3, 7]),
    ("{methods: [delete]}", &[4]),
    ("{methods: [scan]}", &[5]),
    ("{methods: [read, create, remind]}", &[0, 1, 2, 6, 7, 8]),
    ("{tags: [shelf]}", &[0, 1, 2, 3, 4, 5, 7]),
    ("{tags: [desk]}", &[6, 7, 8]),
    ("{tags: [Desk, shelf]}", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ("{tags: [destructive]}", &[4]),
    ("{methods: [read], tags: [desk]}", &[6]),
    ("{methods: [write], tags: [shelf]}", &[2, 3, 4, 7]),
    ("{methods: [create], tags: [desk]}", &[7]),
    ("{methods: [custom], tags: [shelf, desk]}", &[5, 8]),
    ("{tools: {allow: ['*_book*']}}", &[0, 1, 2, 3, 4, 5]),
    ("{tools: {allow: ['library_*', 'list_*']}}", &[0, 5, 6, 8]),
    ("{tools: {deny: ['delete_*', 'update_*']}}", &[0, 1, 2, 5, 6, 7, 8]),
    ("{tools: {deny: ['*_by_id']}}", &[0, 2, 5, 6, 7, 8]),
    ("{tools: {allow: ['*book*'], deny: ['*book*_by_id']}}", &[0, 2, 5]),
    ("{tools: {allow: [create_a_library_loan], deny: ['library_*']}}", &[7]),
    ("{methods: [read, write], tags: [shelf], tools: {allow: ['*'], deny: ['delete_*']}}", &[0, 1, 2, 3, 7]),
    ("{methods: [list], tags: [desk], tools: {allow: ['list_*']}}", &[6]),
];

const EXPIRIES: [(&str, bool); 3] =
    [("", false), ("expires_at: 2999-12-31T23:59:59Z\n", false), ("expires_at: 2020-01-01T00:00:00Z\n", true)];

/// What a caller presents, and whether it lets them in where an API token is asked for.
const CREDENTIALS: [(&[(&str, &str)], bool); 6] = [
    (&[], false),
    (&[("authorization", "Bearer wrong")], false),
    (&[("authorization", "Basic secret")], false),
    (&[("x-api-token", "")], false),
    (&[("authorization", "Bearer secret")], true),
    (&[("x-api-token", "secret")], true),
];

struct Stand {
    upstream: Upstream,
    chaperone: Chaperone,
}

impl Stand {
    /// A server for each policy, expiry and wish for an API token: `p{policy}-{expiry}-{token}`.
    fn start() -> Self {
        let upstream = Upstream::start();
        upstream.answer(|request| {
            let list = request.method == "GET" && !request.path.starts_with("/books/");
            Scripted::json(200, &if list { json!([]) } else { json!({"id": 1}) })
        });
        let token = format!("reader:sha256:{:x}", Sha256::digest("secret"));
        let mut setup =
            Setup::new(upstream.address()).catalog("tests/policy_table/catalog", "library").api_token(&token);
        for (policy, (config, _)) in POLICIES.iter().enumerate() {
            for (expiry, (expires_at, _)) in EXPIRIES.iter().enumerate() {
                for asks in [false, true] {
                    let config = config.replacen('{', &format!("{{require_api_token_auth: {asks}, "), 1);
                    let rest = format!("config: {config}\n{expires_at}token: none");
                    setup = setup.policy(&format!("p{policy}-{expiry}-{asks}"), &rest);
                }
            }
        }
        Self { chaperone: Chaperone::serve(&setup), upstream }
    }

    fn agent(&self, policy: usize, expiry: usize, asks: bool) -> Agent {
        self.chaperone.agent(&format!("p{policy}-{expiry}-{asks}"))
    }
}

fn call(agent: &Agent, tool: &str, arguments: &str) -> Reply {
    agent.call(tool, &serde_json::from_str::<Value>(arguments).expect("the arguments of the table are JSON"))
}

#[test]
fn a_policy_leaves_just_its_tools_in_list_and_call() {
    let stand = Stand::start();
    for (policy, (config, left)) in POLICIES.iter().enumerate() {
        for (expiry, asks) in [(0, false), (1, false), (0, true), (1, true)] {
            let agent = stand.agent(policy, expiry, asks).header("x-api-token", "secret");
            let expected: Vec<&str> = left.iter().map(|place| TOOLS[*place].0).collect();
            assert_eq!(agent.tools(), expected, "{config}");
            for (place, (tool, arguments)) in TOOLS.iter().enumerate() {
                let reply = call(&agent, tool, arguments);
                let sent = stand.upstream.take().len();
                if left.contains(&place) {
                    assert!(reply.structured().is_object() && sent == 1, "{config} {tool}: {}", reply.message);
                } else {
                    assert_eq!((reply.answer.status, reply.code(), sent), (200, Some(-32602), 0), "{config} {tool}");
                }
            }
        }
    }
}

#[test]
fn a_hidden_tool_is_refused_in_the_words_of_an_unknown_one() {
    let stand = Stand::start();
    for (policy, (config, left)) in POLICIES.iter().enumerate() {
        let agent = stand.agent(policy, 0, false);
        let visible: Vec<&str> = left.iter().map(|place| TOOLS[*place].0).collect();
        let hidden = TOOLS.iter().map(|(tool, _)| *tool).filter(|tool| !visible.contains(tool));
        for tool in hidden.chain(["library_books_burn", "unheard_of"]) {
            let reply = agent.call(tool, &json!({}));
            let said = reply.error().strip_prefix(&format!("Unknown tool: {tool}"));
            let hint = said.unwrap_or_else(|| panic!("{config} {tool}: {}", reply.message));
            let named = hint.strip_prefix(". Did you mean `").and_then(|rest| rest.strip_suffix("`?"));
            assert!(hint.is_empty() || named.is_some_and(|name| visible.contains(&name)), "{config} {tool}: {hint}");
            assert!(reply.message["error"].get("data").is_none(), "{config} {tool}: {}", reply.message);
        }
    }
}

#[test]
fn a_server_past_its_expiry_is_gone_whatever_it_allows() {
    let stand = Stand::start();
    for (policy, (_, left)) in POLICIES.iter().enumerate() {
        for (expiry, (expires_at, expired)) in EXPIRIES.iter().enumerate() {
            let agent = stand.agent(policy, expiry, false);
            let list = agent.request("tools/list", &json!({}));
            let called = call(&agent, TOOLS[left[0]].0, TOOLS[left[0]].1);
            let sent = stand.upstream.take().len();
            if *expired {
                assert_eq!((list.answer.status, called.answer.status, sent), (410, 410, 0));
                assert!(list.error().contains("2020-01-01"), "it says when: {}", list.message);
            } else {
                assert_eq!((list.answer.status, called.answer.status, sent), (200, 200, 1), "{expires_at}");
            }
        }
    }
}

#[test]
fn a_server_that_asks_for_an_api_token_lets_nobody_in_without_one() {
    let stand = Stand::start();
    for (policy, (_, left)) in POLICIES.iter().enumerate() {
        let (tool, arguments) = TOOLS[left[0]];
        for (headers, known) in CREDENTIALS {
            for asks in [false, true] {
                let agent = stand.agent(policy, 0, asks);
                let agent = headers.iter().fold(agent, |agent, (name, value)| agent.header(name, value));
                let list = agent.request("tools/list", &json!({}));
                let called = call(&agent, tool, arguments);
                let sent = stand.upstream.take().len();
                let expected = if asks && !known { (401, 401, 0) } else { (200, 200, 1) };
                assert_eq!((list.answer.status, called.answer.status, sent), expected, "{headers:?} {asks}");
                if asks && !known {
                    assert_eq!(list.answer.header("www-authenticate"), Some("Bearer"));
                }
            }
        }
    }
}

#[test]
fn expiry_is_told_before_the_api_token_is_asked_for() {
    let stand = Stand::start();
    assert_eq!(stand.agent(0, 2, true).request("tools/list", &json!({})).answer.status, 410);
}

#[test]
fn a_server_with_a_token_is_reached_by_it_alone() {
    let upstream = Upstream::start();
    let hash = format!("{:x}", Sha256::digest("the-token"));
    let setup = Setup::new(upstream.address())
        .catalog("tests/policy_table/catalog", "library")
        .api_token(&format!("reader:sha256:{:x}", Sha256::digest("secret")))
        .policy("closed", &format!("config: {{require_api_token_auth: true}}\ntoken: {{sha256: \"{hash}\"}}"));
    let chaperone = Chaperone::serve(&setup);
    let status = |path: &str, headers: &[(&str, &str)]| {
        let agent = Agent::new(chaperone.address(), path);
        let agent = headers.iter().fold(agent, |agent, (name, value)| agent.header(name, value));
        agent.request("tools/list", &json!({})).answer.status
    };
    let api_token = ("x-api-token", "secret");
    for (path, headers, expected) in [
        ("/mcp/the-token", &[api_token][..], 200),
        ("/mcp/the-token", &[("authorization", "Bearer secret")], 200),
        ("/mcp", &[("authorization", "Bearer the-token"), api_token], 200),
        ("/mcp/the-token", &[], 401),
        ("/mcp", &[("authorization", "Bearer the-token")], 401),
        ("/mcp", &[("authorization", "Bearer secret"), api_token], 404),
        ("/mcp", &[api_token], 404),
        ("/mcp/closed", &[api_token], 404),
        ("/mcp/the-tokem", &[api_token], 404),
        (&format!("/mcp/{hash}"), &[api_token], 404),
    ] {
        assert_eq!(status(path, headers), expected, "{path} {headers:?}");
    }
    let log = chaperone.log();
    assert!(!log.contains("the-token") && !log.contains("secret") && !log.contains(support::CREDENTIAL), "{log}");
}
