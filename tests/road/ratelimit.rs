//! An upstream that says "too much": passed on at once, readable, in headers and body alike.

use serde_json::json;

use crate::road::Road;
use crate::support::{Scripted, Setup, Upstream};

fn limited() -> Scripted {
    let mut answer = Scripted::json(429, &json!(["Too many requests"]));
    for (name, value) in [
        ("X-Ratelimit-Limit-User", "900"),
        ("X-Ratelimit-Limit-User-Remaining", "0"),
        ("X-Ratelimit-Limit-User-Reset", "17"),
    ] {
        answer.headers.push((name.into(), value.into()));
    }
    answer
}

#[test]
fn a_429_is_a_tool_error_and_an_http_status_only_where_the_policy_says_so() {
    let upstream = Upstream::start();
    upstream.answer(|_| limited());
    let setup = Setup::new(upstream.address())
        .policy("usual", "token: none")
        .policy("strict", "token: none\nconfig: {rate_limit_status: 429}")
        // The second server of the account would otherwise not ask again.
        .with("limits: {fail_fast: false}");
    let road = Road::over(&setup);
    for (server, status) in [("usual", 200), ("strict", 429)] {
        let reply = road.call(server, "get_single_affinity_person_by_id", &json!({"id": 1}));
        assert_eq!(upstream.take().len(), 1, "never tried again");
        assert_eq!(reply.status(), status);
        for (name, value) in [
            ("ratelimit-limit", "900"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "17"),
            ("retry-after", "17"),
            ("ratelimit", "\"user\";r=0;t=17"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name}");
        }
        let result = &reply.json()["result"];
        let error = &result["structuredContent"];
        assert_eq!(result["isError"], true);
        assert_eq!(
            (&error["statusCode"], &error["error"], &error["retry_after"]),
            (&json!(429), &json!("rate_limited"), &json!(17))
        );
        assert!(error["message"].as_str().unwrap().ends_with("Try again in 17 seconds."), "{error}");
    }
}
