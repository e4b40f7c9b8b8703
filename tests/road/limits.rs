//! Limits: what is refused, what a refusal says and spends, and what the headers of every answer say.

use serde_json::{Value, json};
use sfv::{BareItem, Item, List, ListEntry, Parser};

use crate::road::{Reply, Road, call};
use crate::support::{Scripted, Setup, Upstream};

const READ: &str = "get_single_affinity_person_by_id";
const WRITE: &str = "delete_a_affinity_note_by_id";
const FAN_OUT: &str = "list_all_affinity_interactions";

fn answer(status: u16, headers: &[(&str, &str)]) -> Scripted {
    let mut answer = Scripted::json(status, &json!({}));
    answer.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    answer
}

fn read(road: &Road, server: &str) -> Reply {
    road.call(server, READ, &json!({"id": 1}))
}

fn write(road: &Road, server: &str) -> Reply {
    road.call(server, WRITE, &json!({"id": 1}))
}

/// The error envelope of a refused call; `None` for one that was carried out.
fn error(reply: &Reply) -> Option<Value> {
    let result = &reply.json()["result"];
    (result["isError"] == true).then(|| result["structuredContent"].clone())
}

/// Name, limit, remaining, reset and window of a bucket.
type Told = (String, i64, i64, i64, Option<i64>);

/// A header of the vendor.
type Header = (&'static str, &'static str);

/// What the headers of an answer say, in both families, which must say the same.
fn told(reply: &Reply) -> Option<Told> {
    let number = |name: &str| reply.header(name).map(|text| text.parse::<i64>().expect("a whole number"));
    let (limit, remaining, reset) =
        (number("ratelimit-limit"), number("ratelimit-remaining"), number("ratelimit-reset"));
    let (Some(state), Some(policy)) = (structured(reply, "ratelimit"), structured(reply, "ratelimit-policy")) else {
        assert_eq!((limit, remaining, reset), (None, None, None));
        return None;
    };
    let name = |item: &Item| match &item.bare_item {
        BareItem::String(text) => text.as_str().to_owned(),
        other => panic!("expected a string, found {other:?}"),
    };
    let parameter = |item: &Item, key: &str| match item.params.get(key) {
        Some(BareItem::Integer(integer)) => Some(i64::from(*integer)),
        None => None,
        other => panic!("expected an integer, found {other:?}"),
    };
    assert_eq!(name(&state), name(&policy));
    assert_eq!(parameter(&state, "r"), remaining);
    assert_eq!(parameter(&state, "t"), reset);
    assert_eq!(parameter(&policy, "q"), limit);
    Some((name(&state), limit?, remaining?, reset?, parameter(&policy, "w")))
}

/// The one item of a structured list (RFC 9651).
fn structured(reply: &Reply, name: &str) -> Option<Item> {
    let list: List = Parser::new(reply.header(name)?).parse().expect("a structured field");
    match <[ListEntry; 1]>::try_from(list) {
        Ok([ListEntry::Item(item)]) => Some(item),
        other => panic!("expected one item, found {other:?}"),
    }
}

#[test]
fn what_the_vendor_says_comes_out_in_both_families_for_the_bucket_nearest_to_exhaustion() {
    let user = [
        ("X-Ratelimit-Limit-User", "900"),
        ("X-Ratelimit-Limit-User-Remaining", "450"),
        ("X-Ratelimit-Limit-User-Reset", "17"),
    ];
    let org = [
        ("X-Ratelimit-Limit-Org", "100000"),
        ("X-Ratelimit-Limit-Org-Remaining", "20000"),
        ("X-Ratelimit-Limit-Org-Reset", "86400"),
    ];
    let lower = [
        ("x-ratelimit-limit-user", "900"),
        ("X-RATELIMIT-LIMIT-USER-REMAINING", "450"),
        ("x-RateLimit-Limit-user-RESET", " 17 "),
    ];
    let with = |headers: [(&'static str, &'static str); 3], n: usize, value: &'static str| {
        let mut headers = headers;
        headers[n].1 = value;
        headers
    };
    let unlimited = with(with(org, 0, "unlimited"), 1, "unlimited");
    let (of_user, of_org) =
        (Some(("user".to_owned(), 900, 450, 17, Some(60))), Some(("org".to_owned(), 100_000, 20_000, 86_400, None)));
    let cases: [(&str, Vec<Header>, Option<Told>); 20] = [
        ("both", [user, org].concat(), of_org.clone()),
        ("both, the user's nearer", [with(user, 1, "1"), org].concat(), Some(("user".into(), 900, 1, 17, Some(60)))),
        ("user alone", user.to_vec(), of_user.clone()),
        ("org alone", org.to_vec(), of_org.clone()),
        ("none", vec![], None),
        ("lower and mixed case", lower.to_vec(), of_user.clone()),
        ("an unlimited month", [user, unlimited].concat(), of_user.clone()),
        ("unlimited alone", unlimited.to_vec(), None),
        ("unlimited in capitals", with(org, 0, "UNLIMITED").to_vec(), None),
        ("garbage for a limit", [with(user, 0, "many"), org].concat(), of_org.clone()),
        ("garbage for what is left", [user, with(org, 1, "-3")].concat(), of_user.clone()),
        ("garbage for a reset", [user, with(org, 2, "soon")].concat(), of_user.clone()),
        ("an epoch for a reset", [user, with(org, 2, "1795000000")].concat(), of_user.clone()),
        ("a fraction", with(user, 1, "1.5").to_vec(), None),
        ("nothing", with(user, 1, "").to_vec(), None),
        ("not ASCII", with(user, 1, "4\u{b2}").to_vec(), None),
        ("more than a field can carry", with(user, 0, "9999999999999999").to_vec(), None),
        ("two of three", user[..2].to_vec(), None),
        ("two of three, and the other bucket", [&user[..2], &org[..]].concat(), of_org),
        ("nothing left", with(user, 1, "0").to_vec(), Some(("user".into(), 900, 0, 17, Some(60)))),
    ];
    for (name, headers, expected) in cases {
        let upstream = Upstream::start();
        let headers: Vec<(String, String)> = headers.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        upstream.answer(move |_| {
            let mut answer = Scripted::json(200, &json!({}));
            answer.headers.extend(headers.clone());
            answer
        });
        let road = Road::over(&Setup::new(upstream.address()).policy("a", "token: none"));
        assert_eq!(told(&read(&road, "a")), expected, "{name}");
    }
}

#[test]
fn while_a_bucket_of_the_vendor_is_empty_calls_are_refused_here_and_not_sent() {
    let empty = [
        ("X-Ratelimit-Limit-User", "900"),
        ("X-Ratelimit-Limit-User-Remaining", "0"),
        ("X-Ratelimit-Limit-User-Reset", "17"),
    ];
    for (fail_fast, asked) in [("", 1), ("limits: {fail_fast: false}", 2)] {
        let upstream = Upstream::start();
        upstream.answer(move |_| answer(200, &empty));
        let setup = Setup::new(upstream.address()).policy("a", "token: none").policy("b", "token: none");
        let road = Road::over(&setup.with(fail_fast));
        assert_eq!(error(&read(&road, "a")), None, "the last one is carried out");
        // Another server over the same account.
        let reply = read(&road, "b");
        assert_eq!(upstream.take().len(), asked, "{fail_fast}");
        assert_eq!(told(&reply), Some(("user".into(), 900, 0, 17, Some(60))));
        if asked == 1 {
            let error = error(&reply).unwrap();
            assert_eq!((&error["error"], &error["is_remote_error"]), (&json!("rate_limited"), &json!(false)));
            assert_eq!((&error["retry_after"], &error["statusCode"]), (&json!(17), &json!(429)));
            assert_eq!(reply.header("retry-after"), Some("17"));
            assert!(error["message"].as_str().unwrap().contains("Try again in 17 seconds."), "{error}");
        }
    }
}

#[test]
fn a_refused_call_names_its_one_limit_in_headers_and_body_and_sends_nothing() {
    let upstream = Upstream::start();
    let setup = Setup::new(upstream.address())
        .policy("usual", "token: none\nconfig: {limits: {calls: 2/h, writes: 1/d}}")
        .policy("strict", "token: none\nconfig: {rate_limit_status: 429, limits: {calls: {rate: 1/h, burst: 1}}}");
    let road = Road::over(&setup);
    assert_eq!(told(&write(&road, "usual")), Some(("writes".into(), 1, 0, 86_400, Some(86_400))));
    assert_eq!(error(&read(&road, "strict")), None);
    upstream.take();
    for (reply, status, expected) in
        [(write(&road, "usual"), 200, ("writes", 1, 86_400)), (read(&road, "strict"), 429, ("calls", 1, 3_600))]
    {
        let (scope, limit, reset) = expected;
        assert_eq!(reply.status(), status);
        assert_eq!(told(&reply), Some((scope.into(), limit, 0, reset, Some(reset))));
        assert_eq!(reply.header("retry-after"), Some(reset.to_string().as_str()));
        let error = error(&reply).unwrap();
        assert_eq!(error["statusCode"], 429);
        assert_eq!(error["error"], "rate_limited");
        assert_eq!(error["is_remote_error"], false);
        assert_eq!(error["retry_after"], reset);
        let bucket = json!({"limit": limit, "remaining": 0, "reset": reset, "window": reset, "scope": scope});
        assert_eq!(error["ratelimit"], bucket);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(scope) && message.contains(&format!("again in {reset} seconds")), "{message}");
        assert!(!error["trace_id"].as_str().unwrap().is_empty());
    }
    assert!(upstream.take().is_empty());
    // The refused write did not spend a call: one of the two is left.
    assert_eq!(told(&read(&road, "usual")).map(|told| told.2), Some(0));
    assert_eq!(error(&read(&road, "usual")).unwrap()["ratelimit"]["scope"], "calls");
}

#[test]
fn what_does_not_get_as_far_as_a_limit_spends_nothing() {
    let upstream = Upstream::start();
    let road = Road::over(
        &Setup::new(upstream.address()).policy("a", "token: none\nconfig: {methods: [get], limits: {calls: 2/h}}"),
    );
    for _ in 0..5 {
        let misfit = road.call("a", READ, &json!({"id": "not a number"}));
        assert_eq!(told(&misfit), None);
        assert_eq!(told(&road.call("a", WRITE, &json!({"id": 1}))), None, "hidden");
        assert_eq!(told(&road.call("a", "no_such_tool", &json!({}))), None);
    }
    assert_eq!(told(&read(&road, "a")), Some(("calls".into(), 2, 1, 1800, Some(3600))));
}

#[test]
fn a_call_that_makes_many_requests_counts_once() {
    let upstream = Upstream::start();
    upstream
        .answer(|_| Scripted::json(200, &json!({"emails": [], "events": [], "chat_messages": [], "phone_calls": []})));
    let road = Road::over(&Setup::new(upstream.address()).policy("a", "token: none\nconfig: {limits: {calls: 9/h}}"));
    let reply = road.call("a", FAN_OUT, &json!({"organization_id": 1}));
    assert!(upstream.take().len() > 1, "{}", reply.json());
    assert_eq!(told(&reply).map(|told| told.2), Some(8));
}

#[test]
fn servers_have_limits_of_their_own_and_share_those_of_the_account_and_of_the_api_token() {
    let upstream = Upstream::start();
    let hash = |token: &str| chaperone::server::token::to_hex(&chaperone::server::token::hash(token));
    let (ann, bob) = (hash("ann-token"), hash("bob-token"));
    let policy = "token: none\nconfig: {require_api_token_auth: true, limits: {calls: 100/h}}";
    let setup = Setup::new(upstream.address())
        .policy("a", policy)
        .policy("b", policy)
        .api_token(&format!("ann:sha256:{ann}"))
        .api_token(&format!("bob:sha256:{bob}"))
        .api_token_keys("limits: {calls: 2/h}")
        .account_keys("limits: {calls: 3/h}");
    let road = Road::over(&setup);
    let ask = |server: &str, token: &str| {
        road.ask(&format!("/mcp/{server}"), &[("x-api-token", token)], &call(READ, &json!({"id": 1})))
    };
    let scope = |reply: &Reply| error(reply).map(|error| error["ratelimit"]["scope"].as_str().unwrap().to_owned());
    assert_eq!(scope(&ask("a", "ann-token")), None);
    assert_eq!(scope(&ask("b", "ann-token")), None);
    assert_eq!(scope(&ask("a", "ann-token")), Some("api-token".into()));
    assert_eq!(scope(&ask("a", "bob-token")), None);
    assert_eq!(scope(&ask("b", "bob-token")), Some("account".into()));
    assert_eq!(upstream.take().len(), 3);
}

#[test]
fn a_reload_that_changes_a_limit_keeps_what_was_spent() {
    let upstream = Upstream::start();
    let setup = |limits: &str| {
        Setup::new(upstream.address()).policy("a", &format!("token: none\nconfig: {{limits: {{calls: {limits}}}}}"))
    };
    let road = Road::over(&setup("10/h"));
    for left in [9, 8, 7] {
        assert_eq!(told(&read(&road, "a")).map(|told| told.2), Some(left));
    }
    road.swap(&setup("20/h"));
    assert_eq!(told(&read(&road, "a")).map(|told| (told.1, told.2)), Some((20, 16)));
    road.swap(&setup("5/h"));
    assert_eq!(told(&read(&road, "a")).map(|told| (told.1, told.2)), Some((5, 0)));
    assert_eq!(error(&read(&road, "a")).unwrap()["ratelimit"]["scope"], "calls");
}

#[test]
fn headers_speak_for_the_nearest_of_the_vendors_buckets_and_ours() {
    let upstream = Upstream::start();
    upstream.answer(|_| {
        answer(
            200,
            &[
                ("X-Ratelimit-Limit-User", "900"),
                ("X-Ratelimit-Limit-User-Remaining", "300"),
                ("X-Ratelimit-Limit-User-Reset", "17"),
            ],
        )
    });
    let road = Road::over(&Setup::new(upstream.address()).policy("a", "token: none\nconfig: {limits: {calls: 4/h}}"));
    let names: Vec<String> = (0..4).map(|_| told(&read(&road, "a")).unwrap().0).collect();
    assert_eq!(names, ["user", "user", "calls", "calls"]);
}
