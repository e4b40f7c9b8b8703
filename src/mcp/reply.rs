//! Writing JSON-RPC answers: every byte once, the id as it came, the text of a result escaped once.

use bytes::Bytes;
use serde_json::{Value, value::RawValue};

use super::body::Body;
use super::era::Revision;
use crate::json;
use crate::outcome::{Block, Content};

/// What every result of 2026-07-28 carries besides its content (`resultType`, and `serverInfo` under `_meta`).
const COMPLETE: &str = concat!(
    r#","resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"chaperone","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}}"#
);

const STRUCTURED: &[u8] = b",\"structuredContent\":";

/// Room for what surrounds a result.
const ENVELOPE: usize = 512;

/// From this many bytes on a piece is sent as it is: below, one more piece costs more than its copy.
const WORTH_A_PIECE: usize = 4096;

/// A result that is already serialised.
#[must_use]
pub fn result(id: &RawValue, result: &Bytes) -> Body {
    let mut out = Vec::with_capacity(id.get().len() + ENVELOPE + result.len().min(WORTH_A_PIECE));
    open(&mut out, Some(id));
    out.extend_from_slice(b",\"result\":");
    if result.len() >= WORTH_A_PIECE {
        return Body::of([out.into(), result.clone(), Bytes::from_static(b"}"), Bytes::new()]);
    }
    out.extend_from_slice(result);
    out.push(b'}');
    Bytes::from(out).into()
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
pub fn tool(id: &RawValue, revision: Revision, content: &Content) -> Body {
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
            Bytes::from(out).into()
        }
    }
}

/// A tool result of one JSON object: a text block and `structuredContent`, both from the same bytes.
#[must_use]
pub fn tool_json(id: &RawValue, revision: Revision, json: &Bytes, is_error: bool) -> Body {
    let is_large = json.len() >= WORTH_A_PIECE;
    // The text is the object once more, with a backslash before every quote: about a quarter longer.
    let text = json.len() + json.len() / 4;
    let structured = if is_large { 0 } else { json.len() };
    let mut out = Vec::with_capacity(text + structured + id.get().len() + ENVELOPE);
    open(&mut out, Some(id));
    out.extend_from_slice(b",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
    escape(&mut out, json);
    out.extend_from_slice(b"\"}]");
    if is_large {
        out.extend_from_slice(STRUCTURED);
        let mut rest = Vec::with_capacity(ENVELOPE);
        close(&mut rest, revision, None, is_error);
        return Body::of([out.into(), json.clone(), rest.into(), Bytes::new()]);
    }
    close(&mut out, revision, Some(json), is_error);
    Bytes::from(out).into()
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
        out.extend_from_slice(STRUCTURED);
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
const BLOCK: usize = 512;
/// A block with fewer bytes left than this is full: eight bytes are eight escapes at most, and eight more are written
/// beyond them.
const ROOM: usize = json::WORD * (LONGEST_ESCAPE + 1);

/// The characters of a JSON string (RFC 8259 section 7): quotes, backslashes and controls are escaped.
///
/// What is escaped here is mostly JSON, where every few bytes there is a quote. So eight bytes are always written, and
/// once more behind every escape among them, from the byte that follows it.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let (mut block, mut length) = ([0; BLOCK], 0);
    let mut words = text.chunks_exact(json::WORD);
    for word in &mut words {
        let mut word = u64::from_le_bytes(word.try_into().expect("a chunk is a word"));
        let (mut stops, mut left) = (json::stops(word), json::WORD);
        if length > BLOCK - ROOM {
            out.extend_from_slice(&block[..length]);
            length = 0;
        }
        put(&mut block, length, word);
        while stops != 0 {
            let bits = stops.trailing_zeros() / u8::BITS * u8::BITS;
            let plain = (bits / u8::BITS) as usize;
            word >>= bits;
            let (escaped, escape) = escaped(word.to_le_bytes()[0]);
            put(&mut block, length + plain, u64::from_le_bytes(escaped));
            length += plain + escape;
            left -= plain + 1;
            (word, stops) = (word >> u8::BITS, stops >> bits >> u8::BITS);
            put(&mut block, length, word);
        }
        length += left;
    }
    out.extend_from_slice(&block[..length]);
    for &byte in words.remainder() {
        let (escaped, length) = escaped(byte);
        out.extend_from_slice(&escaped[..length]);
    }
}

fn put(block: &mut [u8; BLOCK], at: usize, word: u64) {
    block[at..at + json::WORD].copy_from_slice(&word.to_le_bytes());
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
    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(body: Body) -> Value {
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

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
        let filled = format!(r#"{{"filled":"{}"}}"#, "\\\"é".repeat(WORTH_A_PIECE));
        for json in [Bytes::from_static(json), filled.into()] {
            let reply = read(tool_json(&id("7"), Revision::V2026July, &json, false));
            let result = &reply["result"];
            let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
            assert_eq!(text, result["structuredContent"]);
            assert_eq!((&reply["id"], &result["resultType"]), (&json!(7), &json!("complete")));
        }
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
        let reply = read(tool(&id("\"x\""), Revision::V2025June, &content));
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
