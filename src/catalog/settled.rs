//! Static tools: a fixed answer that the catalog gives.

use bytes::Bytes;

use super::tool::Operation;
use crate::{document::At, outcome::Block};

/// The content blocks of MCP and the keys that each must have (MCP 2026-07-28 `schema`, `ContentBlock`).
const BLOCKS: [(&str, &[&str]); 5] = [
    ("text", &["text"]),
    ("image", &["data", "mimeType"]),
    ("audio", &["data", "mimeType"]),
    ("resource", &["resource"]),
    ("resource_link", &["uri", "name"]),
];

/// The answer that stands here.
pub(crate) fn read(at: &At<'_>) -> Option<Operation> {
    let mut fields = at.fields()?;
    let content = fields.require("content").and_then(|at| at.items());
    let structured = fields.get("structured").map(|at| object(&at));
    let is_error = fields.get("error").and_then(|at| at.boolean()).unwrap_or(false);
    fields.finish();
    let blocks = content?.iter().filter_map(block).collect();
    let structured = match structured {
        Some(text) => Some(text?),
        None => None,
    };
    Some(Operation::Static { blocks, structured, is_error })
}

fn block(at: &At<'_>) -> Option<Block> {
    let text = object(at)?;
    let entries = at.entries()?;
    let Some((_, kind)) = entries.iter().find(|(key, _)| *key == "type") else {
        at.fault("the key `type` is missing");
        return None;
    };
    let required = kind.word(&BLOCKS)?;
    for key in required.iter().filter(|key| !entries.iter().any(|(found, _)| found == *key)) {
        at.fault(format!("the key `{key}` is missing"));
    }
    Some(Block::Verbatim(text))
}

/// The JSON text of a mapping.
fn object(at: &At<'_>) -> Option<Bytes> {
    at.entries()?;
    Some(at.json().to_string().into())
}
