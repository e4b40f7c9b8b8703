//! 2026-07-28: every request says its revision, and headers and body must agree.

use crate::case::{Case, PATH, Want};
use crate::support::post;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
const TOOL: &str = "get_single_affinity_person_by_id";

/// A request with these routing headers, and with params that hold `_meta` as given.
fn request(headers: &[(&str, &str)], method: &str, params: &str, want: Want) -> Case {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#);
    let all: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
    Case::raw(&format!("{headers:?} {body}"), post(PATH, &all, body.as_bytes()), want)
}

fn routing<'h>(version: &'h str, method: &'h str) -> [(&'h str, &'h str); 2] {
    [("mcp-protocol-version", version), ("mcp-method", method)]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = mismatches();
    all.extend(metadata());
    all.extend(names());
    for method in
        ["initialize", "ping", "logging/setLevel", "resources/list", "prompts/list", "subscriptions/listen", "x"]
    {
        all.push(request(&routing("2026-07-28", method), method, META, Want::Fault(404, -32601)));
    }
    for version in ["2027-01-01", "1900-01-01", "latest", "2026-07-28-draft"] {
        let meta = META.replace("2026-07-28", version);
        all.push(request(&routing(version, "tools/list"), "tools/list", &meta, Want::Fault(400, -32022)));
    }
    let good = routing("2026-07-28", "tools/list");
    all.push(request(&good, "tools/list", META, Want::Fine));
    all.push(request(&good, "tools/list", &format!(r#"{META},"cursor":"x""#), Want::Fault(400, -32602)));
    all
}

fn mismatches() -> Vec<Case> {
    let mismatch = Want::Fault(400, -32020);
    let version = ("mcp-protocol-version", "2026-07-28");
    let method = ("mcp-method", "tools/list");
    let headers: [&[(&str, &str)]; 11] = [
        &[],
        &[version],
        &[method],
        &[("mcp-protocol-version", "2025-11-25"), method],
        &[("mcp-protocol-version", "2027-01-01"), method],
        &[version, ("mcp-method", "tools/call")],
        &[version, ("mcp-method", "TOOLS/LIST")],
        &[version, ("mcp-method", "")],
        &[version, method, method],
        &[version, version, method],
        &[version, ("mcp-method", "tools/list, tools/list")],
    ];
    headers.iter().map(|headers| request(headers, "tools/list", META, mismatch.clone())).collect()
}

fn metadata() -> Vec<Case> {
    let key = "io.modelcontextprotocol";
    let faults = [
        String::new(),
        r#""_meta":null"#.into(),
        r#""_meta":{}"#.into(),
        r#""_meta":7"#.into(),
        r#""_meta":["2026-07-28",{}]"#.into(),
        format!(r#""_meta":{{"{key}/protocolVersion":"2026-07-28"}}"#),
        format!(r#""_meta":{{"{key}/clientCapabilities":{{}}}}"#),
        format!(r#""_meta":{{"{key}/protocolVersion":7,"{key}/clientCapabilities":{{}}}}"#),
        format!(r#""_meta":{{"{key}/protocolVersion":"2026-07-28","{key}/clientCapabilities":[]}}"#),
        format!(r#""_meta":{{"{key}/protocolVersion":"2026-07-28","{key}/clientCapabilities":null}}"#),
        format!("{META},{META}"),
    ];
    let headers = routing("2026-07-28", "tools/list");
    let mut cases: Vec<Case> =
        faults.iter().map(|meta| request(&headers, "tools/list", meta, Want::Fault(400, -32602))).collect();
    // A revision that was never one makes a request modern, and so its metadata is missed.
    cases.push(request(&routing("1999-01-01", "tools/list"), "tools/list", "", Want::Fault(400, -32602)));
    cases
}

fn names() -> Vec<Case> {
    let call = |names: &[&'static str], name: &str, arguments: &str, want| {
        let mut headers = routing("2026-07-28", "tools/call").to_vec();
        headers.extend(names.iter().map(|value| ("mcp-name", *value)));
        request(&headers, "tools/call", &format!(r#""name":"{name}","arguments":{arguments},{META}"#), want)
    };
    let mismatch = || Want::Fault(400, -32020);
    let id = r#"{"id":1}"#;
    vec![
        call(&[TOOL], TOOL, id, Want::Fine),
        call(&["=?base64?Z2V0X3NpbmdsZV9hZmZpbml0eV9wZXJzb25fYnlfaWQ=?="], TOOL, id, Want::Fine),
        call(&[TOOL], TOOL, r#"{"id":"../1"}"#, Want::ToolError),
        call(&["no_such_tool"], "no_such_tool", id, Want::Fault(200, -32602)),
        call(&[], TOOL, id, mismatch()),
        call(&[""], TOOL, id, mismatch()),
        call(&["list_all_affinity_persons"], "delete_a_affinity_person_by_id", id, mismatch()),
        call(&["GET_SINGLE_AFFINITY_PERSON_BY_ID"], TOOL, id, mismatch()),
        call(&[TOOL, TOOL], TOOL, id, mismatch()),
        call(&[TOOL, "x"], TOOL, id, mismatch()),
        call(&["=?base64?!!!?="], TOOL, id, mismatch()),
        call(&["=?base64?/w==?="], TOOL, id, mismatch()),
        call(&["=?BASE64?Z2V0X3NpbmdsZV9hZmZpbml0eV9wZXJzb25fYnlfaWQ=?="], TOOL, id, mismatch()),
        call(&["=?base64?Z2V0X3NpbmdsZV9hZmZpbml0eV9wZXJzb25fYnlfaWQ?="], TOOL, id, mismatch()),
        call(&["\u{e9}"], "\u{e9}", id, mismatch()),
    ]
}
