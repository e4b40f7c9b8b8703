//! Writing JSON-RPC answers: every byte once, the id as it came, the text of a result escaped once.

use bytes::Bytes;
use serde_json::{Value, value::RawValue};

use super::era::Revision;
use crate::json;
use crate::outcome::{Block, Content};

/// What every result of 2026-07-28 carries besides its content (`resultType`, and `serverInfo` under `_meta`).
const COMPLETE: &str = concat!(
    r#","resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"chaperone","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}}"#
);

/// Room for what surrounds a result.
const ENVELOPE: usize = 512;

/// A result that is already serialised.
#[must_use]
pub fn result(id: &RawValue, result: &str) -> Bytes {
    let mut out = Vec::with_capacity(result.len() + id.get().len() + ENVELOPE);
    open(&mut out, Some(id));
    out.extend_from_slice(b",\"result\":");
    out.extend_from_slice(result.as_bytes());
    out.push(b'}');
    out.into()
}

/// An error; without id where none could be told (JSON-RPC 2.0 section 5.1, narrowed by MCP: never null).
#[must_use]
pub fn error(id: Option<&RawValue>, code: i32, message: &str, data: Option<&Value>) -> Bytes {
    let mut out = Vec::with_capacity(message.len() + ENVELOPE);
    open(&mut out, id);
    out.extend_from_slice(format!(",\"error\":{{\"code\":{code},\"message\":").as_bytes());
    string(&mut out, message);
    if let Some(data) = data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data.to_string().as_bytes());
    }
    out.extend_from_slice(b"}}");
    out.into()
}

/// The result of a tool that was carried out.
#[must_use]
pub fn tool(id: &RawValue, revision: Revision, content: &Content) -> Bytes {
    match content {
        Content::Json(json) => tool_json(id, revision, json, false),
        Content::Blocks { blocks, structured, is_error } => {
            let mut out = Vec::with_capacity(blocks.iter().map(size).sum::<usize>() + ENVELOPE);
            open(&mut out, Some(id));
            out.extend_from_slice(b",\"result\":{\"content\":[");
            for (n, one) in blocks.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                block(&mut out, one);
            }
            out.push(b']');
            close(&mut out, revision, structured.as_deref(), *is_error);
            out.into()
        }
    }
}

/// A tool result of one JSON object: a text block and `structuredContent`, both from the same bytes.
#[must_use]
pub fn tool_json(id: &RawValue, revision: Revision, json: &[u8], is_error: bool) -> Bytes {
    // The text is the object once more, with a backslash before every quote: about an eighth longer.
    let mut out = Vec::with_capacity(json.len() * 2 + json.len() / 4 + id.get().len() + ENVELOPE);
    open(&mut out, Some(id));
    out.extend_from_slice(b",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
    escape(&mut out, json);
    out.extend_from_slice(b"\"}]");
    close(&mut out, revision, Some(json), is_error);
    out.into()
}

fn open(out: &mut Vec<u8>, id: Option<&RawValue>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    if let Some(id) = id {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id.get().as_bytes());
    }
}

fn close(out: &mut Vec<u8>, revision: Revision, structured: Option<&[u8]>, is_error: bool) {
    if let Some(structured) = structured {
        out.extend_from_slice(b",\"structuredContent\":");
        out.extend_from_slice(structured);
    }
    out.extend_from_slice(if is_error { b",\"isError\":true" } else { b",\"isError\":false" });
    if revision.modern() {
        out.extend_from_slice(COMPLETE.as_bytes());
    }
    out.extend_from_slice(b"}}");
}

fn size(block: &Block) -> usize {
    match block {
        Block::Text(text) => text.len() + text.len() / 8,
        Block::Image { data, .. } | Block::Audio { data, .. } => data.len(),
        Block::Resource { blob, .. } => blob.len(),
        Block::Link { uri, .. } => uri.len(),
        Block::Verbatim(bytes) => bytes.len(),
    }
}

/// One content block (MCP 2026-07-28 `server/tools`, "Tool result").
fn block(out: &mut Vec<u8>, block: &Block) {
    match block {
        Block::Text(text) => fields(out, "text", &[("text", text)]),
        Block::Image { data, media_type } => fields(out, "image", &[("data", data), ("mimeType", media_type)]),
        Block::Audio { data, media_type } => fields(out, "audio", &[("data", data), ("mimeType", media_type)]),
        Block::Resource { uri, media_type, blob } => {
            out.extend_from_slice(b"{\"type\":\"resource\",\"resource\":{\"uri\":");
            string(out, uri);
            out.extend_from_slice(b",\"mimeType\":");
            string(out, media_type);
            out.extend_from_slice(b",\"blob\":");
            string(out, blob);
            out.extend_from_slice(b"}}");
        }
        Block::Link { uri, name, media_type, size } => {
            fields(out, "resource_link", &[("uri", uri), ("name", name), ("mimeType", media_type)]);
            if let Some(size) = size {
                out.pop();
                out.extend_from_slice(format!(",\"size\":{size}}}").as_bytes());
            }
        }
        Block::Verbatim(bytes) => out.extend_from_slice(bytes),
    }
}

fn fields(out: &mut Vec<u8>, kind: &str, fields: &[(&str, &str)]) {
    out.extend_from_slice(b"{\"type\":");
    string(out, kind);
    for (key, value) in fields {
        out.push(b',');
        string(out, key);
        out.push(b':');
        string(out, value);
    }
    out.push(b'}');
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text.as_bytes());
    out.push(b'"');
}

/// Escaped text is gathered in blocks of so many bytes.
const BLOCK: usize = 256;

/// The characters of a JSON string (RFC 8259 section 7): quotes, backslashes and controls are escaped.
///
/// What is escaped here is mostly JSON, where every few bytes there is a quote. So eight bytes are always copied, and
/// the next ones are written where the plain ones of them end.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let (mut block, mut length) = ([0; BLOCK], 0);
    let mut rest = text;
    while let Some(word) = rest.first_chunk() {
        if length > BLOCK - json::WORD - LONGEST_ESCAPE {
            out.extend_from_slice(&block[..length]);
            length = 0;
        }
        block[length..length + json::WORD].copy_from_slice(word);
        let plain = json::plain(*word);
        length += plain;
        rest = &rest[plain..];
        if plain < json::WORD {
            let escaped = escaped(rest[0]);
            block[length..length + LONGEST_ESCAPE].copy_from_slice(&escaped.0);
            length += escaped.1;
            rest = &rest[1..];
        }
    }
    out.extend_from_slice(&block[..length]);
    for &byte in rest {
        let (escaped, length) = escaped(byte);
        out.extend_from_slice(&escaped[..length]);
    }
}

/// Bytes of `\u001f`, filled up.
const LONGEST_ESCAPE: usize = 8;

/// A byte as it stands in a string, and how long that is.
fn escaped(byte: u8) -> ([u8; LONGEST_ESCAPE], usize) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0..=0x1f => {
            let digit = b"0123456789abcdef"[usize::from(byte & 0xf)];
            return ([b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), digit, 0, 0], 6);
        }
        _ => return ([byte, 0, 0, 0, 0, 0, 0, 0], 1),
    };
    ([b'\\', short, 0, 0, 0, 0, 0, 0], 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn id(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    proptest! {
        #[test]
        fn whatever_the_text_a_json_reader_reads_it_back(text in "(?s)([\"\\\\\n]|[a-z]{1,9}|[\u{0}-\u{1f}]|.){0,300}") {
            let mut out = Vec::new();
            string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn text_and_structured_content_are_the_same_object() {
        let json = br#"{"name":"Acme \"Corp\"","n":[1,2]}"#;
        let reply: Value = serde_json::from_slice(&tool_json(&id("7"), Revision::V2026July, json, false)).unwrap();
        let result = &reply["result"];
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"]);
        assert_eq!((&reply["id"], &result["resultType"]), (&json!(7), &json!("complete")));
    }

    #[test]
    fn every_kind_of_block_is_valid_json_of_its_type() {
        let text = |text: &str| text.to_owned();
        let blocks = vec![
            Block::Text(text("a\u{1}b")),
            Block::Image { data: text("aGk="), media_type: text("image/png") },
            Block::Audio { data: text("aGk="), media_type: text("audio/wav") },
            Block::Resource { uri: text("a://b"), media_type: text("x/y"), blob: text("aGk=") },
            Block::Link { uri: text("https://x"), name: text("n"), media_type: text("x/y"), size: Some(3) },
            Block::Verbatim(Bytes::from_static(br#"{"type":"text","text":"v"}"#)),
        ];
        let content = Content::Blocks { blocks, structured: None, is_error: true };
        let reply: Value = serde_json::from_slice(&tool(&id("\"x\""), Revision::V2025June, &content)).unwrap();
        let kinds: Vec<_> = reply["result"]["content"].as_array().unwrap().iter().map(|b| b["type"].clone()).collect();
        assert_eq!(kinds, ["text", "image", "audio", "resource", "resource_link", "text"]);
        assert_eq!(reply["result"]["content"][4]["size"], 3);
        assert_eq!(reply["result"]["isError"], true);
        assert!(reply["result"].get("resultType").is_none());
    }

    #[test]
    fn an_error_without_id_has_no_id_at_all() {
        let reply: Value = serde_json::from_slice(&error(None, 404, "no \"such\" server", None)).unwrap();
        assert_eq!(reply, json!({"jsonrpc": "2.0", "error": {"code": 404, "message": "no \"such\" server"}}));
    }
}
