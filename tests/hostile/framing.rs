//! HTTP that is not what it should be.

use crate::case::{Case, MAX_BODY, PATH, Want};
use crate::support::post;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const JSON: (&str, &str) = ("content-type", "application/json");

/// A request head line by line, and a body.
fn wire(lines: &[&str], body: &str) -> Vec<u8> {
    format!("{}\r\n\r\n{body}", lines.join("\r\n")).into_bytes()
}

/// A good ping with this request line.
fn line(line: &str, want: Want) -> Case {
    let length = format!("content-length: {}", PING.len());
    let shown: String = line.chars().take(80).collect();
    Case::raw(&shown, wire(&[line, "host: localhost", "content-type: application/json", &length], PING), want)
}

pub(crate) fn methods_and_paths() -> Vec<Case> {
    let methods = ["GET", "PUT", "DELETE", "PATCH", "TRACE", "FOO", "post", "MCP"];
    let methods = methods.into_iter().map(|method| line(&format!("{method} {PATH} HTTP/1.1"), Want::Fault(405, 405)));
    let long = format!("/mcp/{}", "a".repeat(8000));
    let paths = [
        "/",
        "//mcp",
        "/MCP/hostile",
        "/mcpx",
        "/mcp/unknown",
        "/mcp/HOSTILE",
        "/mcp//hostile",
        "/mcp/hostile/extra",
        "/mcp/../metrics",
        "/mcp/%2e%2e",
        "/mcp/hostile%00",
        "/mcp/hostile%2f",
        "/mcp/hostile;x",
        "/metrics",
        "/livez",
        "/readyz",
        "/integrated-account",
        &long,
    ];
    let paths = paths.into_iter().map(|path| line(&format!("POST {path} HTTP/1.1"), Want::Fault(404, 404)));
    let fine = ["/mcp/hostile?x=1", "/mcp/hostile/", "/mcp", "http://evil.example/mcp/hostile"];
    let fine = fine.into_iter().map(|path| line(&format!("POST {path} HTTP/1.1"), Want::Fine));
    methods.chain(paths).chain(fine).collect()
}

pub(crate) fn origins_and_types() -> Vec<Case> {
    let origins = [
        "https://evil.example",
        "null",
        "",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "http://evil.example/localhost",
        "http://[::2]",
        "http://0.0.0.0",
        "file://",
    ];
    let types = [
        "text/plain",
        "text/json",
        "application/jsonx",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ];
    let with =
        |headers: &[(&str, &str)], want| Case::raw(&format!("{headers:?}"), post(PATH, headers, PING.as_bytes()), want);
    let mut cases: Vec<Case> = Vec::new();
    cases.extend(origins.map(|origin| with(&[JSON, ("origin", origin)], Want::Fault(403, 403))));
    cases
        .push(with(&[JSON, ("origin", "http://localhost"), ("origin", "https://evil.example")], Want::Fault(403, 403)));
    cases.extend(types.map(|media| with(&[("content-type", media)], Want::Fault(415, 415))));
    cases.push(with(&[JSON, ("origin", "http://localhost:6274")], Want::Fine));
    cases.push(with(&[("content-type", "Application/JSON; charset=utf-8")], Want::Fine));
    cases.push(with(&[JSON, ("accept", "text/html")], Want::Fine));
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_single_affinity_person_by_id","arguments":{"id":1}}}"#;
    let smuggled =
        [JSON, ("x-evil", "1"), ("cookie", "evil=1"), ("x-forwarded-host", "evil.example"), ("connection", "x-evil")];
    cases.push(Case::raw("headers of the client stay outside", post(PATH, &smuggled, call.as_bytes()), Want::Fine));
    cases
}

pub(crate) fn broken_http() -> Vec<Case> {
    let mut cases = sizes();
    cases.extend(framings());
    let many: Vec<String> = (0..200).map(|n| format!("x-{n}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let many: Vec<(&str, &str)> = many.iter().filter_map(|line| line.split_once(": ")).collect();
    let wide = "a".repeat(600_000);
    cases.push(Case::raw("200 headers", post(PATH, &many, PING.as_bytes()), Want::Http(431)));
    cases.push(Case::raw("a huge header", post(PATH, &[JSON, ("x-evil", &wide)], PING.as_bytes()), Want::Http(431)));
    cases.push(line(&format!("POST /mcp/{} HTTP/1.1", "a".repeat(100_000)), Want::Http(414)));
    for start in
        ["POST /mcp/hostile", "POST  HTTP/1.1", "HELO localhost", "POST /mcp/hostile HTTP/9.9", "\u{16}\u{3}\u{1}"]
    {
        cases.push(line(start, Want::Http(400)));
    }
    for bad in ["no colon", "na me: x", "x\u{0}: 1", "x-evil : 1", "x: a\u{0}b", ": empty", " folded: 1"] {
        let length = format!("content-length: {}", PING.len());
        let head = ["POST /mcp/hostile HTTP/1.1", "host: localhost", bad, &length];
        cases.push(Case::raw(bad, wire(&head, PING), Want::Http(400)));
    }
    cases
}

fn sizes() -> Vec<Case> {
    let over = format!("{PING}{}", " ".repeat(MAX_BODY));
    let exact = format!("{PING}{}", " ".repeat(MAX_BODY - PING.len()));
    let head = ["POST /mcp/hostile HTTP/1.1", "host: localhost", "content-type: application/json"];
    let chunked = [&head[..], &["transfer-encoding: chunked"]].concat();
    let announced = [&head[..], &["content-length: 10000000000"]].concat();
    let short = [&head[..], &["content-length: 1000"]].concat();
    vec![
        Case::raw("a body over the limit", post(PATH, &[JSON], over.as_bytes()), Want::Fault(413, 413)),
        Case::raw("a body of just the limit", post(PATH, &[JSON], exact.as_bytes()), Want::Fine),
        Case::raw(
            "a chunked body over the limit",
            wire(&chunked, &format!("{:x}\r\n{over}\r\n0\r\n\r\n", over.len())),
            Want::Fault(413, 413),
        ),
        Case::raw("a body over the limit that is only announced", wire(&announced, PING), Want::Fault(413, 413)),
        Case::raw("a body that never comes whole", wire(&short, PING), Want::Fault(408, 408)),
        Case::raw("a body that is cut off", wire(&short, PING), Want::Fault(408, 408)).cut_off(),
        Case::raw("no body", wire(&head, ""), Want::Fault(400, -32700)),
    ]
}

fn framings() -> Vec<Case> {
    let head = ["POST /mcp/hostile HTTP/1.1", "host: localhost", "content-type: application/json"];
    let chunks = format!("{:x}\r\n{PING}\r\n0\r\n\r\n", PING.len());
    let length = format!("content-length: {}", PING.len());
    let with =
        |what: &str, lines: &[&str], body: &str, want| Case::raw(what, wire(&[&head[..], lines].concat(), body), want);
    vec![
        with("a chunked body", &["transfer-encoding: chunked"], &chunks, Want::Fine),
        with("expect", &[&length, "expect: 100-continue"], PING, Want::Fine),
        with("an upgrade", &[&length, "connection: upgrade", "upgrade: h2c"], PING, Want::Fine),
        with("two lengths", &[&length, "content-length: 1"], PING, Want::Http(400)),
        with("a negative length", &["content-length: -1"], PING, Want::Http(400)),
        with("a length that is none", &["content-length: many"], PING, Want::Http(400)),
        with("a length with a sign", &["content-length: +41"], PING, Want::Http(400)),
        with("an unknown coding", &["transfer-encoding: gzip"], PING, Want::Http(400)),
        with("chunked not last", &["transfer-encoding: chunked, gzip"], &chunks, Want::Http(400)),
        with("a chunk size that is none", &["transfer-encoding: chunked"], "zz\r\n{}\r\n0\r\n\r\n", Want::Http(408)),
        with(
            "a chunk size that overflows",
            &["transfer-encoding: chunked"],
            "fffffffffffffffff\r\n{}\r\n",
            Want::Http(408),
        ),
    ]
}
