//! Which revision of MCP a request is of, decided here and nowhere else.
//!
//! Revisions up to 2025-11-25 are negotiated by `initialize`; since 2026-07-28 every request says its own in `_meta`
//! and repeats its routing facts in headers, which must agree with the body
//! (MCP 2026-07-28 `basic/versioning` and `basic/transports/streamable-http`, "Standard request headers").

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};

use super::{
    jsonrpc::{Params, Request, text},
    method::Method,
};
use crate::refusal::Refusal;

/// A revision that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revision {
    /// 2025-06-18.
    V2025June,
    /// 2025-11-25.
    V2025November,
    /// 2026-07-28.
    V2026July,
}

/// The revision that is spoken since every request names its own.
pub const MODERN: &str = "2026-07-28";

/// Revisions with a handshake. The two oldest are let pass in the header, for a client may send them, but are never
/// agreed to: the second would oblige to batches.
const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

impl Revision {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V2025June => "2025-06-18",
            Self::V2025November => "2025-11-25",
            Self::V2026July => MODERN,
        }
    }

    /// Does every request stand for itself?
    #[must_use]
    pub fn modern(self) -> bool {
        self == Self::V2026July
    }

    /// The revision to agree to in a handshake: the one asked for if it is spoken, else the newest with a handshake
    /// (MCP 2025-11-25 `basic/lifecycle`, "Version negotiation").
    #[must_use]
    pub fn negotiate(params: &Params<'_>) -> Self {
        let asked = params.protocol_version.and_then(text);
        if asked.as_deref() == Some("2025-06-18") { Self::V2025June } else { Self::V2025November }
    }
}

/// The revision of a message by its headers and `_meta`, before anything of it is checked.
#[must_use]
pub fn is_modern(headers: &HeaderMap, params: &Params<'_>) -> bool {
    let in_body = params.meta.as_ref().is_some_and(|meta| meta.protocol_version.is_some());
    in_body || headers.get(VERSION).is_some_and(|value| !LEGACY.iter().any(|known| value == known))
}

/// The revision and method of a request, with everything checked that its revision wants checked.
///
/// # Errors
/// In this order: `_meta` incomplete ([`Refusal::InvalidParams`]), headers against body ([`Refusal::HeaderMismatch`]),
/// revision ([`Refusal::UnsupportedRevision`]), method ([`Refusal::MethodNotFound`]).
pub fn route(headers: &HeaderMap, request: &Request<'_>) -> Result<(Revision, Method), Refusal> {
    let unknown = || Refusal::MethodNotFound(shown(&request.method));
    let method = Method::named(&request.method);
    if !is_modern(headers, &request.params) {
        let june = headers.get(VERSION).is_some_and(|value| value == "2025-06-18");
        let revision = if june { Revision::V2025June } else { Revision::V2025November };
        let method = method.filter(|method| *method != Method::Discover).ok_or_else(unknown)?;
        return Ok((revision, method));
    }
    let version = meta_version(&request.params)?;
    agree(headers, request, &version)?;
    if version != MODERN {
        return Err(Refusal::UnsupportedRevision(shown(&version)));
    }
    let method = method.filter(|method| !matches!(method, Method::Initialize | Method::Ping)).ok_or_else(unknown)?;
    Ok((Revision::V2026July, method))
}

/// Text of a client, cut before it goes into a message.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn meta_version<'b>(params: &Params<'b>) -> Result<Cow<'b, str>, Refusal> {
    const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
    let missing = |key: &str| Refusal::InvalidParams(format!("params._meta lacks `{key}`"));
    let meta = params.meta.as_ref().ok_or_else(|| missing(VERSION_KEY))?;
    let version = meta.protocol_version.ok_or_else(|| missing(VERSION_KEY))?;
    let version =
        text(version).ok_or_else(|| Refusal::InvalidParams(format!("expected `{VERSION_KEY}` to be a string")))?;
    let capabilities = meta.client_capabilities.ok_or_else(|| missing("io.modelcontextprotocol/clientCapabilities"))?;
    if !capabilities.starts_with('{') {
        return Err(Refusal::InvalidParams("expected clientCapabilities to be an object".into()));
    }
    Ok(version)
}

fn agree(headers: &HeaderMap, request: &Request<'_>, version: &str) -> Result<(), Refusal> {
    same(headers, &VERSION, "MCP-Protocol-Version", version)?;
    same(headers, &METHOD, "Mcp-Method", &request.method)?;
    if request.method == "tools/call" {
        let name = request.params.name.and_then(text);
        let name = name.ok_or_else(|| Refusal::InvalidParams("the tool's name is missing".into()))?;
        same(headers, &NAME, "Mcp-Name", &name)?;
    }
    Ok(())
}

/// One header of this name, and it says what the body says.
fn same(headers: &HeaderMap, name: &HeaderName, shown: &str, body: &str) -> Result<(), Refusal> {
    // As nearly everybody sends it: once, and as it stands in the body.
    let is_single = headers.len() == headers.keys_len();
    if is_single && !body.starts_with("=?") && headers.get(name).is_some_and(|value| value == body) && is_visible(body)
    {
        return Ok(());
    }
    let mismatch = |text: &str| Err(Refusal::HeaderMismatch(format!("the header {shown} {text}")));
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return mismatch("is missing") };
    if values.next().is_some() {
        return mismatch("stands more than once");
    }
    let Ok(value) = value.to_str() else { return mismatch("holds characters that a header cannot hold") };
    let value = value.trim_matches([' ', '\t']);
    let decoded = match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Cow::Borrowed(value),
        Some(encoded) => match STANDARD.decode(encoded).map(String::from_utf8) {
            Ok(Ok(text)) => Cow::Owned(text),
            _ => return mismatch("is not base64 of UTF-8"),
        },
    };
    if decoded == body { Ok(()) } else { mismatch("says something else than the body") }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::mcp::jsonrpc::{Message, read};

    const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    fn routed(headers: &[(&'static str, &str)], method: &str, params: &str) -> Result<(Revision, Method), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#);
        let Ok(Message::Request(request)) = read(body.as_bytes()) else { panic!("{body}") };
        route(&map, &request)
    }

    #[test]
    fn the_header_or_the_body_makes_a_request_modern_and_everything_else_is_legacy() {
        assert_eq!(routed(&[], "tools/list", ""), Ok((Revision::V2025November, Method::ToolsList)));
        let june = [("mcp-protocol-version", "2025-06-18")];
        assert_eq!(routed(&june, "ping", ""), Ok((Revision::V2025June, Method::Ping)));
        let modern = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "server/discover")];
        assert_eq!(routed(&modern, "server/discover", META), Ok((Revision::V2026July, Method::Discover)));
    }

    #[test]
    fn checks_come_in_the_order_meta_headers_revision_method() {
        let h = |version, method| [("mcp-protocol-version", version), ("mcp-method", method)];
        let future = META.replace("2026-07-28", "2027-01-01");
        assert!(matches!(routed(&h("2026-07-28", "nope"), "tools/list", ""), Err(Refusal::InvalidParams(_))));
        assert!(matches!(routed(&[], "tools/list", META), Err(Refusal::HeaderMismatch(_))));
        assert!(matches!(routed(&h("2026-07-28", "nope"), "tools/list", META), Err(Refusal::HeaderMismatch(_))));
        assert!(matches!(routed(&h("2027-01-01", "nope"), "nope", &future), Err(Refusal::UnsupportedRevision(_))));
        assert!(matches!(routed(&h("2026-07-28", "nope"), "nope", META), Err(Refusal::MethodNotFound(_))));
        for gone in ["initialize", "ping"] {
            assert!(matches!(routed(&h("2026-07-28", gone), gone, META), Err(Refusal::MethodNotFound(_))), "{gone}");
        }
        assert!(matches!(routed(&[], "server/discover", ""), Err(Refusal::MethodNotFound(_))));
    }

    #[test]
    fn a_tool_name_in_the_header_must_be_the_one_in_the_body_and_stand_once() {
        let call = |names: &[&'static str]| {
            let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call")];
            headers.extend(names.iter().map(|name| ("mcp-name", *name)));
            routed(&headers, "tools/call", &format!(r#""name":"é",{META}"#))
        };
        assert_eq!(call(&["=?base64?w6k=?="]), Ok((Revision::V2026July, Method::ToolsCall)));
        for names in [&[][..], &["e"], &["=?base64?w6k?="], &["=?base64?w6k=?=", "=?base64?w6k=?="]] {
            assert!(matches!(call(names), Err(Refusal::HeaderMismatch(_))), "{names:?}");
        }
    }
}
