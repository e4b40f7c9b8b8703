//! Who is let in: paths, tokens, API tokens, expiry, and the doors that are shut.

use chaperone::server::token;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::road::{Road, message};
use crate::support::{Setup, Upstream};

const TOKEN: &str = "a-server-token-of-enough-letters";
const LOCKED: &str = "another-server-token-of-enough-letters";
const ALICE: &str = "an-api-token-of-enough-letters";

type Headers<'h> = &'h [(&'h str, &'h str)];

fn ping() -> Value {
    message("ping", &json!({}))
}

fn hash(token: &str) -> String {
    token::to_hex(&token::hash(token))
}

fn policy(token: &str) -> String {
    format!("token: {{sha256: {:?}}}", hash(token))
}

fn setup(upstream: &Upstream) -> Setup {
    Setup::new(upstream.address())
        .api_token(&format!("alice:sha256:{}", hash(ALICE)))
        .policy("open", "token: none")
        .policy("by-token", &policy(TOKEN))
        .policy("locked", &format!("{}\nconfig: {{require_api_token_auth: true}}", policy(LOCKED)))
}

#[test]
fn expiry_is_judged_at_every_request() {
    let upstream = Upstream::start();
    let road = Road::over(&Setup::new(upstream.address()).policy("s", "token: none\nexpires_at: 2030-01-01T00:00:00Z"));
    let second = SignedDuration::from_secs(1);
    let asked = || road.call("s", "get_single_affinity_person_by_id", &json!({"id": 1}));
    assert_eq!((asked().status(), upstream.take().len()), (200, 1));

    road.hand.advance(second);
    let reply = asked();
    assert_eq!((reply.status(), upstream.take().len()), (410, 0));
    let error = reply.json();
    assert!(error["error"]["message"].as_str().unwrap().contains("2030-01-01T00:00:00Z"), "{error}");
    assert!(error.get("id").is_none());

    road.hand.advance(-second);
    assert_eq!(asked().status(), 200);
}

#[test]
fn the_way_to_a_server_is_its_token_or_the_name_of_an_open_one() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(&upstream));
    let bearer = format!("Bearer {TOKEN}");
    let by_path = format!("/mcp/{TOKEN}");
    for (path, authorization, expected) in [
        (by_path.as_str(), None, 200),
        (&format!("{by_path}/"), None, 200),
        (&format!("{by_path}?x=1"), None, 200),
        ("/mcp", Some(bearer.as_str()), 200),
        ("/mcp", Some(&format!("bearer  {TOKEN}")), 200),
        // Exactly one server is open: plain /mcp is that one, but not for whoever presents a token that is not known.
        ("/mcp", None, 200),
        ("/mcp/", None, 200),
        ("/mcp", Some("Bearer no-such-token"), 404),
        ("/mcp/open", None, 200),
        ("/mcp/open", Some("Bearer whatever"), 200),
        // A name opens no server that has a token.
        ("/mcp/by-token", None, 404),
        ("/mcp/locked", None, 404),
        ("/mcp/OPEN", None, 404),
        (&by_path.to_uppercase(), None, 404),
        (&format!("/mcp/{}", hash(TOKEN)), None, 404),
        ("/mcp/open/x", None, 404),
        ("/mcp//open", None, 404),
        ("/mcpopen", None, 404),
        ("/", None, 404),
    ] {
        let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        let reply = road.ask(path, &headers, &ping());
        assert_eq!(reply.status(), expected, "{path} {authorization:?}");
        assert!(expected == 200 || reply.json().get("id").is_none(), "{path}");
    }
}

#[test]
fn where_two_servers_are_open_plain_mcp_is_neither() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(&upstream).policy("open-too", "token: none"));
    assert_eq!(road.ask("/mcp", &[], &ping()).status(), 404);
    assert_eq!(road.ask("/mcp/open-too", &[], &ping()).status(), 200);
}

#[test]
fn an_api_token_comes_in_the_header_that_the_server_token_leaves_free() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(&upstream));
    let (server, alice) = (format!("Bearer {LOCKED}"), format!("Bearer {ALICE}"));
    let (by_path, plain) = (format!("/mcp/{LOCKED}"), "/mcp".to_owned());
    let (auth, own) = ("authorization", "x-api-token");
    let table: [(&str, Headers<'_>, u16); 13] = [
        (&by_path, &[], 401),
        (&by_path, &[(auth, &alice)], 200),
        (&by_path, &[(own, ALICE)], 200),
        (&by_path, &[(auth, "Bearer wrong")], 401),
        (&by_path, &[(auth, ALICE)], 401),
        (&by_path, &[(auth, &format!("Basic {ALICE}"))], 401),
        // The server's own token is no API token, and a name of one is none either.
        (&by_path, &[(auth, &server)], 401),
        (&by_path, &[(own, "alice")], 401),
        // Said twice, nobody knows which one a proxy before us has judged.
        (&by_path, &[(auth, &alice), (auth, "Bearer wrong")], 401),
        (&by_path, &[(own, "wrong"), (auth, &alice)], 401),
        (&plain, &[(auth, &server)], 401),
        (&plain, &[(auth, &server), (own, ALICE)], 200),
        (&plain, &[(auth, &server), (own, "wrong")], 401),
    ];
    for (path, headers, expected) in table {
        let reply = road.ask(path, headers, &ping());
        assert_eq!(reply.status(), expected, "{headers:?}");
        assert_eq!(reply.header("www-authenticate"), (expected == 401).then_some("Bearer"), "{headers:?}");
    }
}

#[test]
fn an_emptied_file_of_api_tokens_lets_nobody_in() {
    let upstream = Upstream::start();
    let empty = || {
        let config = "token: none\nconfig: {require_api_token_auth: true}";
        Setup::new(upstream.address()).policy("open", config)
    };
    let road = Road::over(&empty().api_token(&format!("alice:sha256:{}", hash(ALICE))));
    let asked = || road.ask("/mcp/open", &[("x-api-token", ALICE)], &ping()).status();
    assert_eq!(asked(), 200);
    road.swap(&empty());
    assert_eq!(asked(), 401);
}

#[test]
fn where_the_one_open_server_asks_for_an_api_token_plain_mcp_takes_it() {
    let upstream = Upstream::start();
    let setup = Setup::new(upstream.address())
        .api_token(&format!("alice:sha256:{}", hash(ALICE)))
        .policy("open", "token: none\nconfig: {require_api_token_auth: true}");
    let road = Road::over(&setup);
    for (authorization, expected) in [(format!("Bearer {ALICE}"), 200), ("Bearer wrong".into(), 401)] {
        assert_eq!(road.ask("/mcp", &[("authorization", &authorization)], &ping()).status(), expected);
    }
    assert_eq!(road.ask("/mcp", &[], &ping()).status(), 401);
}

#[test]
fn who_goes_down_says_when_to_come_back() {
    let upstream = Upstream::start();
    let road = Road::over(&setup(&upstream));
    road.world.gate.close();
    let reply = road.ask("/mcp/open", &[], &ping());
    assert_eq!(
        (reply.status(), reply.header("retry-after"), reply.header("connection")),
        (503, Some("1"), Some("close"))
    );
}
