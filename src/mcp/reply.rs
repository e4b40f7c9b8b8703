//! Writing JSON-RPC answers: every byte once, the id as it came, the text of a result escaped once.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;

use super::body::Body;
use super::era::Revision;
use super::jsonrpc::Id;

use crate::json;
use crate::outcome::{Block, Content, List};
use crate::room::written;

/// What every result of 2026-07-28 carries besides its content (`resultType`, and `serverInfo` under `_meta`).
const COMPLETE: &str = concat!(
    r#","resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"chaperone","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}}"#
);

/// Behind the text of a text block that is the only one.
const TEXT_END: &[u8] = b"\"}]";

const STRUCTURED: &[u8] = b",\"structuredContent\":";

/// Room for what surrounds a result.
const ENVELOPE: usize = 512;

/// From this many bytes on a piece is sent as it is: below, one more piece costs more than its copy.
const WORTH_A_PIECE: usize = 4096;

/// A result that is already serialised.
#[must_use]
pub fn result(id: Id<'_>, result: &Bytes) -> Body {
    let before = |out: &mut BytesMut| {
        open(out, Some(id));
        out.extend_from_slice(b",\"result\":");
    };
    let room = id.get().len() + ENVELOPE;
    if result.len() >= WORTH_A_PIECE {
        return Body::of([written(room, before), result.clone(), Bytes::from_static(b"}"), Bytes::new()]);
    }
    let whole = written(room + result.len(), |out| {
        before(out);
        out.extend_from_slice(result);
        out.put_u8(b'}');
    });
    whole.into()
}

/// An error; without id where none could be told (JSON-RPC 2.0 section 5.1, narrowed by MCP: never null).
#[must_use]
pub fn error(id: Option<Id<'_>>, code: i32, message: &str, data: Option<&Value>) -> Bytes {
    written(message.len() + ENVELOPE, |out| {
        open(out, id);
        out.extend_from_slice(format!(",\"error\":{{\"code\":{code},\"message\":").as_bytes());
        string(out, message);
        if let Some(data) = data {
            out.extend_from_slice(b",\"data\":");
            out.extend_from_slice(data.to_string().as_bytes());
        }
        out.extend_from_slice(b"}}");
    })
}

/// The result of a tool that was carried out.
#[must_use]
pub fn tool(id: Id<'_>, revision: Revision, content: &Content) -> Body {
    match content {
        Content::Json(json) => tool_json(id, revision, json, false),
        Content::List(list) => object(id, revision, [List::HEAD, &list.tail()], &list.items, false),
        Content::Blocks { blocks, structured, is_error } => {
            let whole = written(blocks.iter().map(size).sum::<usize>() + ENVELOPE, |out| {
                open(out, Some(id));
                out.extend_from_slice(b",\"result\":{\"content\":[");
                for (n, one) in blocks.iter().enumerate() {
                    if n > 0 {
                        out.put_u8(b',');
                    }
                    block(out, one);
                }
                out.put_u8(b']');
                close(out, revision, structured.as_deref(), *is_error);
            });
            whole.into()
        }
    }
}

/// A tool result of one JSON object: a text block and `structuredContent`, both from the same bytes.
#[must_use]
pub fn tool_json(id: Id<'_>, revision: Revision, json: &Bytes, is_error: bool) -> Body {
    object(id, revision, ["", ""], json, is_error)
}

/// A tool result of one JSON object, whose text is `json` between the two around it.
fn object(id: Id<'_>, revision: Revision, around: [&str; 2], json: &Bytes, is_error: bool) -> Body {
    if json.len() >= WORTH_A_PIECE {
        return large_object(id, revision, around, json, is_error);
    }
    let parts = [around[0].as_bytes(), json, around[1].as_bytes()];
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // The text is the object once more, with a backslash before every quote: about a quarter longer.
    let whole = written(length + length / 4 + length + id.get().len() + ENVELOPE, |out| {
        open_text(out, id);
        for part in parts {
            escape(out, part);
        }
        out.extend_from_slice(TEXT_END);
        out.extend_from_slice(STRUCTURED);
        for part in parts {
            out.extend_from_slice(part);
        }
        close(out, revision, None, is_error);
    });
    whole.into()
}

/// As [`object`]; `json` is neither copied nor escaped before it is sent.
fn large_object(id: Id<'_>, revision: Revision, [head, tail]: [&str; 2], json: &Bytes, is_error: bool) -> Body {
    let first = written(ENVELOPE, |out| {
        open_text(out, id);
        escape(out, head.as_bytes());
    });
    let middle = written(ENVELOPE, |out| {
        escape(out, tail.as_bytes());
        for part in [TEXT_END, STRUCTURED, head.as_bytes()] {
            out.extend_from_slice(part);
        }
    });
    let last = written(ENVELOPE, |out| {
        out.extend_from_slice(tail.as_bytes());
        close(out, revision, None, is_error);
    });
    Body::escaping(json.clone(), [first, middle, json.clone(), last])
}

/// Up to the text of a text block that is the only one.
fn open_text(out: &mut BytesMut, id: Id<'_>) {
    open(out, Some(id));
    out.extend_from_slice(b",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
}

fn open(out: &mut BytesMut, id: Option<Id<'_>>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    if let Some(id) = id {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id.get().as_bytes());
    }
}

fn close(out: &mut BytesMut, revision: Revision, structured: Option<&[u8]>, is_error: bool) {
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
fn block(out: &mut BytesMut, block: &Block) {
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
                out.truncate(out.len() - 1);
                out.extend_from_slice(format!(",\"size\":{size}}}").as_bytes());
            }
        }
        Block::Verbatim(bytes) => out.extend_from_slice(bytes),
    }
}

fn fields(out: &mut BytesMut, kind: &str, fields: &[(&str, &str)]) {
    out.extend_from_slice(b"{\"type\":");
    string(out, kind);
    for (key, value) in fields {
        out.put_u8(b',');
        string(out, key);
        out.put_u8(b':');
        string(out, value);
    }
    out.put_u8(b'}');
}

fn string(out: &mut BytesMut, text: &str) {
    out.put_u8(b'"');
    escape(out, text.as_bytes());
    out.put_u8(b'"');
}

fn escape(out: &mut BytesMut, text: &[u8]) {
    json::escape::escape(text, |piece| out.extend_from_slice(piece));
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;

    fn read(body: Body) -> Value {
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    fn id(text: &str) -> Id<'_> {
        Id::of(text).unwrap()
    }

    #[test]
    fn text_and_structured_content_are_the_same_object() {
        let json = br#"{"name":"Acme \"Corp\"","n":[1,2]}"#;
        let filled = format!(r#"{{"filled":"{}"}}"#, "\\\"é".repeat(WORTH_A_PIECE));
        for json in [Bytes::from_static(json), filled.into()] {
            let reply = read(tool_json(id("7"), Revision::V2026July, &json, false));
            let result = &reply["result"];
            let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
            assert_eq!(text, result["structuredContent"]);
            assert_eq!((&reply["id"], &result["resultType"]), (&json!(7), &json!("complete")));
        }
    }

    #[test]
    fn a_list_is_the_object_around_its_items_whatever_its_size() {
        for items in ["[]".to_owned(), format!("[{}0]", "\"a\\n\",".repeat(WORTH_A_PIECE))] {
            for next_cursor in [None, Some("YQ".to_owned())] {
                let list = List { items: items.clone().into(), next_cursor };
                let reply = read(tool(id("7"), Revision::V2025June, &Content::List(list.clone())));
                let whole = list.json();
                assert_eq!(reply["result"]["content"][0]["text"].as_str().unwrap().as_bytes(), whole);
                assert_eq!(reply["result"]["structuredContent"], serde_json::from_slice::<Value>(&whole).unwrap());
                assert_eq!(reply["result"]["isError"], false);
            }
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
        let reply = read(tool(id("\"x\""), Revision::V2025June, &content));
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
