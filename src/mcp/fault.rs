//! The one table that turns a refusal into an answer.
//!
//! A refusal becomes either a JSON-RPC error (with its HTTP status) or, where a model can mend the call, the result of
//! a tool with `isError: true` (SEP-1303). The match is exhaustive: a new refusal does not compile without an answer.

mod upstream;

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::era::MODERN;
use crate::budget::Bucket;
use crate::refusal::{Limited, Misfit, Refusal, Remote, Whose};

/// What the caller gets.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// A JSON-RPC error.
    Protocol {
        /// HTTP status.
        status: StatusCode,
        /// JSON-RPC code. Faults of the HTTP plane use their status, which lies outside JSON-RPC's reserved range.
        code: i32,
        /// For the caller.
        message: Cow<'static, str>,
        /// `data` of the error.
        data: Option<Value>,
    },
    /// A tool result with `isError: true`: the contract's error envelope, but for the trace id.
    Tool(Map<String, Value>),
}

/// The answer to a refusal. `modern`: the request is of 2026-07-28 or later.
#[must_use]
pub fn answer(refusal: &Refusal, modern: bool) -> Answer {
    match refusal {
        Refusal::UnknownServer => plane(404, "no MCP server is reachable with this token or under this path"),
        Refusal::Expired { at, .. } => {
            plane(410, format!("this MCP server expired at {at}, ask its operator for a new one"))
        }
        Refusal::ApiToken { .. } => {
            plane(401, "this MCP server asks for an API token, send `Authorization: Bearer <token>`")
        }
        Refusal::Origin => plane(403, "this Origin is not let in, the operator lists origins under `allowed_origins`"),
        Refusal::UnknownPath => plane(404, "the MCP endpoint is /mcp, or /mcp/ and a token or server name"),
        Refusal::HttpMethod => plane(405, "the MCP endpoint takes POST only, there is no session and no event stream"),
        Refusal::BodyTooLarge { limit } => plane(413, format!("the request body is larger than {limit} bytes")),
        Refusal::BodyIncomplete => plane(408, "the request body did not arrive whole in time"),
        Refusal::MediaType => plane(415, "expected `Content-Type: application/json`"),
        Refusal::Overloaded => plane(503, "too many calls are at work, try again shortly"),
        Refusal::Draining => plane(503, "this instance is going down, try again"),

        Refusal::Parse(text) => protocol(StatusCode::BAD_REQUEST, -32700, text),
        Refusal::InvalidRequest(text) => protocol(StatusCode::BAD_REQUEST, -32600, text),
        Refusal::MethodNotFound(method) => {
            let status = if modern { StatusCode::NOT_FOUND } else { StatusCode::OK };
            protocol(status, -32601, &format!("Method not found: {method}"))
        }
        Refusal::InvalidParams(text) => {
            let status = if modern { StatusCode::BAD_REQUEST } else { StatusCode::OK };
            protocol(status, -32602, text)
        }
        Refusal::HeaderMismatch(text) => protocol(StatusCode::BAD_REQUEST, -32020, text),
        Refusal::UnsupportedRevision(asked) => Answer::Protocol {
            status: StatusCode::BAD_REQUEST,
            code: -32022,
            message: "Unsupported protocol version".into(),
            data: Some(json!({"supported": [MODERN], "requested": asked})),
        },

        Refusal::UnknownTool { asked, nearest, .. } => {
            protocol(StatusCode::OK, -32602, &unknown_tool(asked, nearest.as_deref()))
        }
        Refusal::AuditUnavailable => Answer::Tool(envelope(
            503,
            refusal.kind(),
            "Nothing was sent: calls cannot be recorded at the moment, and the operator wants every call on record. Try again later.".into(),
            false,
        )),
        Refusal::Arguments(misfits) => Answer::Tool(arguments(misfits)),
        Refusal::Limited(limited) => Answer::Tool(from_limited(limited)),
        Refusal::Remote(remote) => Answer::Tool(from_remote(remote)),
        Refusal::Upstream(fault) => Answer::Tool(upstream::answer(fault)),
        Refusal::Internal(_) => {
            protocol(StatusCode::INTERNAL_SERVER_ERROR, -32603, "Internal error, the operator's log says more")
        }
    }
}

fn plane(status: u16, message: impl Into<Cow<'static, str>>) -> Answer {
    let code = i32::from(status);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer::Protocol { status, code, message: message.into(), data: None }
}

fn protocol(status: StatusCode, code: i32, message: &str) -> Answer {
    Answer::Protocol { status, code, message: message.to_owned().into(), data: None }
}

fn unknown_tool(asked: &str, nearest: Option<&str>) -> String {
    let asked: String = asked.chars().take(80).collect();
    let hint = nearest.map(|name| format!(". Did you mean `{name}`?")).unwrap_or_default();
    format!("Unknown tool: {asked}{hint}")
}

fn envelope(status: u16, error: &str, message: String, remote: bool) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("statusCode".into(), status.into());
    map.insert("error".into(), error.into());
    map.insert("message".into(), message.into());
    map.insert("is_remote_error".into(), remote.into());
    map
}

fn arguments(misfits: &[Misfit]) -> Map<String, Value> {
    let told: Vec<String> = misfits
        .iter()
        .map(|misfit| match misfit.argument.as_str() {
            "" => misfit.problem.clone(),
            argument => format!("{argument}: {}", misfit.problem),
        })
        .collect();
    let message = format!("Nothing was sent, mend the arguments and call again. {}", told.join("; "));
    let mut map = envelope(400, "invalid_arguments", message, false);
    let details = misfits.iter().map(|misfit| json!({"argument": misfit.argument, "problem": misfit.problem}));
    map.insert("details".into(), details.collect());
    map
}

/// What a model has to know of a write that nobody can vouch for.
const MAYBE: &str = "The change may or may not have been applied: read the record before you try again.";

/// Add a sentence; upstreams end theirs with a full stop or without.
fn say(text: &mut String, sentence: &str) {
    let sentence = sentence.trim();
    if !text.is_empty() && !sentence.is_empty() {
        text.push_str(if text.ends_with(['.', '!', '?']) { " " } else { ". " });
    }
    text.push_str(sentence);
}

fn limit(bucket: &Bucket) -> Value {
    let Bucket { scope, limit, remaining, reset, window } = bucket;
    json!({"limit": limit, "remaining": remaining, "reset": reset, "window": window, "scope": &**scope})
}

fn from_limited(limited: &Limited) -> Map<String, Value> {
    let Limited { bucket, whose, .. } = limited;
    let owner = match whose {
        Whose::Server => "this MCP server",
        Whose::Account => "this account, shared by all that use it",
        Whose::ApiToken => "your API token",
        Whose::Vendor => "this account at the vendor, shared by all that use it",
    };
    let what = if bucket.scope.ends_with("writes") { "changes" } else { "calls" };
    let (most, seconds) = (bucket.limit, limited.retry_after());
    let per = bucket.window.map(|window| format!(" in {window} seconds")).unwrap_or_default();
    let message = format!(
        "The limit `{}` of {owner} is used up: at most {most} {what}{per}. Nothing was sent and nothing was changed. \
         Try again in {seconds} seconds.",
        bucket.scope
    );
    let mut map = envelope(429, "rate_limited", message, false);
    map.insert("retry_after".into(), seconds.into());
    map.insert("ratelimit".into(), limit(bucket));
    map
}

fn from_remote(remote: &Remote) -> Map<String, Value> {
    let mut message = String::new();
    say(&mut message, &remote.message);
    say(&mut message, remote.hint.as_deref().unwrap_or_default());
    if let Some(seconds) = remote.retry_after {
        say(&mut message, &again(seconds));
    }
    if remote.write && remote.status >= 500 {
        say(&mut message, MAYBE);
    }
    let mut map = envelope(remote.status, &remote.kind, message, true);
    if let Some(seconds) = remote.retry_after {
        map.insert("retry_after".into(), seconds.into());
    }
    if let Some(bucket) = &remote.bucket {
        map.insert("ratelimit".into(), limit(bucket));
    }
    if let Some(raw) = &remote.raw {
        map.insert("raw_response".into(), raw.clone());
    }
    map
}

fn again(seconds: u64) -> String {
    format!("Try again in {seconds} second{}.", if seconds == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Exchange;

    #[test]
    fn a_hidden_tool_is_answered_like_an_unknown_one() {
        let refusal = |hidden_by: Option<&str>| Refusal::UnknownTool {
            asked: "x".into(),
            nearest: None,
            hidden_by: hidden_by.map(Into::into),
        };
        assert_eq!(answer(&refusal(Some("tools.deny: x")), false), answer(&refusal(None), false));
    }

    #[test]
    fn what_telemetry_tells_of_an_answer_is_its_code() {
        let unknown = Refusal::UnknownTool { asked: "x".into(), nearest: None, hidden_by: None };
        for refusal in [
            Refusal::Parse("x".into()),
            Refusal::InvalidRequest("x".into()),
            Refusal::MethodNotFound("x".into()),
            Refusal::InvalidParams("x".into()),
            Refusal::HeaderMismatch("x".into()),
            Refusal::UnsupportedRevision("x".into()),
            Refusal::Internal("x".into()),
            Refusal::AuditUnavailable,
            Refusal::Arguments(Vec::new()),
            unknown,
        ] {
            let answered = match answer(&refusal, true) {
                Answer::Protocol { code, .. } => Some(code),
                Answer::Tool(_) => None,
            };
            assert_eq!(refusal.code(), answered, "{}", refusal.kind());
        }
    }

    #[test]
    fn the_text_for_a_bug_never_leaves() {
        let Answer::Protocol { message, code, .. } = answer(&Refusal::Internal("secret detail".into()), true) else {
            panic!()
        };
        assert!(code == -32603 && !message.contains("secret"));
    }

    #[test]
    fn what_the_upstream_said_and_what_to_do_are_whole_sentences() {
        for (said, expected) in [
            ("Slow down", "Slow down. Wait. Try again in 7 seconds."),
            ("Slow down. ", "Slow down. Wait. Try again in 7 seconds."),
            ("", "Wait. Try again in 7 seconds."),
        ] {
            let remote = Remote {
                status: 429,
                kind: "rate_limited".into(),
                message: said.into(),
                hint: Some("Wait".into()),
                raw: None,
                retry_after: Some(7),
                bucket: None,
                write: false,
                exchange: Exchange::default(),
            };
            assert_eq!(from_remote(&remote)["message"], expected);
        }
    }

    #[test]
    fn every_fault_of_the_arguments_is_named_at_once() {
        let misfit = |argument: &str| Misfit { argument: argument.into(), problem: "is missing".into() };
        let Answer::Tool(map) = answer(&Refusal::Arguments(vec![misfit("a"), misfit("b")]), false) else { panic!() };
        let message = map["message"].as_str().unwrap();
        assert!(message.contains("a: is missing") && message.contains("b: is missing"), "{message}");
    }
}
