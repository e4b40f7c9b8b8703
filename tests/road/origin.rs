//! Browsers: whose pages are let in, and what they may read.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::json;

use crate::road::{Road, message};
use crate::support::{Setup, Upstream};

#[test]
fn a_preflight_of_a_foreign_origin_is_refused_like_every_other_request_of_it() {
    let upstream = Upstream::start();
    let road = Road::over(&Setup::new(upstream.address()).policy("open", "token: none"));
    for (origin, expected) in [("http://localhost:6274", 200), ("https://evil.example", 403), ("null", 403)] {
        let preflight = Request::options("/mcp/open")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .body(Full::new(Bytes::new()))
            .unwrap();
        let asked = road.ask("/mcp/open", &[("origin", origin)], &message("ping", &json!({})));
        for reply in [road.send(preflight), asked] {
            assert_eq!(reply.status(), expected, "{origin}");
            assert_eq!(reply.header("access-control-allow-origin"), (expected == 200).then_some(origin));
        }
    }
}

#[test]
fn a_page_may_read_why_it_was_refused() {
    let upstream = Upstream::start();
    let road = Road::over(&Setup::new(upstream.address()).policy("open", "token: none"));
    let reply = road.ask("/mcp/unknown", &[("origin", "http://localhost")], &message("ping", &json!({})));
    assert_eq!((reply.status(), reply.header("access-control-allow-origin")), (404, Some("http://localhost")));
}
