//! Files: content that is not JSON, as content blocks.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    Uri,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde_json::{Map, Value};

use super::body::{self, Received};
use super::disposition::file_name;
use super::errand::Errand;
use super::failure::Failure;
use super::fields::Fields;
use super::text::encoded;
use super::{error, redirect};
use crate::outcome::{Block, Content as Outcome};

/// A file and what its answer says of it.
pub(super) struct Content {
    name: Option<String>,
    media_type: String,
    bytes: Bytes,
    size: Option<u64>,
}

impl Content {
    /// A file that was read whole.
    pub(super) fn new(fields: &Fields, bytes: Bytes) -> Self {
        let size = Some(bytes.len() as u64);
        Self { name: name(fields), media_type: media_type(fields), bytes, size }
    }
}

/// Fetch a file, following redirects; one larger than `inline` bytes is not read but linked to.
///
/// # Errors
/// How the upstream failed to give it.
pub(super) async fn fetch(errand: &Errand<'_>, values: &Map<String, Value>, inline: usize) -> Result<Outcome, Failure> {
    let request = errand.request(values, &[])?;
    let (start, path) = (request.uri.clone(), request.uri.path().to_owned());
    let (mut answer, elsewhere) = redirect::follow(errand, &request).await?;
    let ticket = errand.call.meter.ticket(answer.ticket);
    if !answer.status.is_success() {
        return Err(match elsewhere {
            Some(_) => Failure::Remote(Box::new(error::elsewhere(answer.status, !errand.tool.read_only))),
            None => errand.unsuccessful(&mut answer, ticket).await,
        });
    }
    let limit = inline.min(errand.plane.max_response);
    let Received { bytes, exceeds, size } =
        body::read(&mut answer.body, limit, ticket).await.map_err(|(_, failure)| failure)?;
    let file = Content { name: name(&answer.fields), media_type: media_type(&answer.fields), bytes, size };
    let integration = &errand.account.integration.name;
    Ok(if exceeds { link(&file, &elsewhere.unwrap_or(start)) } else { self::inline(integration, &path, &file) })
}

/// A file as a block that holds it.
pub(super) fn inline(integration: &str, path: &str, file: &Content) -> Outcome {
    let media_type = file.media_type.clone();
    let data = || STANDARD.encode(&file.bytes);
    let block = match media_type.split('/').next() {
        Some("text") => Block::Text(String::from_utf8_lossy(&file.bytes).into_owned()),
        Some("image") => Block::Image { data: data(), media_type },
        Some("audio") => Block::Audio { data: data(), media_type },
        _ => Block::Resource { uri: uri(integration, path, file), media_type, blob: data() },
    };
    blocks(block, file)
}

/// A file that is too large to be embedded.
fn link(file: &Content, at: &Uri) -> Outcome {
    let name = file.name.clone().unwrap_or_else(|| "file".into());
    let media_type = file.media_type.clone();
    blocks(Block::Link { uri: at.to_string(), name, media_type, size: file.size }, file)
}

fn blocks(block: Block, file: &Content) -> Outcome {
    let known = [
        ("file_name", file.name.as_deref().map(Value::from)),
        ("media_type", Some(file.media_type.as_str().into())),
        ("size", file.size.map(Value::from)),
    ];
    let members = known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let structured = Value::Object(members.collect()).to_string();
    Outcome::Blocks { blocks: vec![block], structured: Some(structured.into()), is_error: false }
}

/// A URI for an embedded resource: stable, and of a scheme that nobody fetches.
fn uri(integration: &str, path: &str, file: &Content) -> String {
    // A scheme has no underscores (RFC 3986 section 3.1).
    let (scheme, path) = (integration.replace('_', "-"), path.trim_matches('/'));
    match &file.name {
        Some(name) => format!("{scheme}://{path}/{}", encoded(name)),
        None => format!("{scheme}://{path}"),
    }
}

fn name(fields: &Fields) -> Option<String> {
    file_name(fields.get(&CONTENT_DISPOSITION)?)
}

/// The media type without parameters; what names none is of no known kind (RFC 9110 section 8.3).
fn media_type(fields: &Fields) -> String {
    let essence = fields.text(&CONTENT_TYPE).and_then(|value| value.split(';').next());
    let essence = essence.map(|text| text.trim().to_ascii_lowercase()).filter(|text| text.contains('/'));
    essence.unwrap_or_else(|| "application/octet-stream".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(media_type: &str, bytes: &'static [u8]) -> Content {
        let fields = [(CONTENT_TYPE, media_type)].into_iter().collect();
        Content { name: Some("a b.bin".into()), ..Content::new(&fields, Bytes::from_static(bytes)) }
    }

    #[test]
    fn the_media_type_decides_the_block() {
        let of = |kind: &str, bytes| match inline("my_crm", "/files/7", &file(kind, bytes)) {
            Outcome::Blocks { mut blocks, .. } => blocks.remove(0),
            Outcome::Json(_) | Outcome::List(_) => panic!("not blocks"),
        };
        assert_eq!(of("text/csv; charset=utf-8", b"a\xffb"), Block::Text("a\u{fffd}b".into()));
        assert_eq!(of("IMAGE/PNG", b"hi"), Block::Image { data: "aGk=".into(), media_type: "image/png".into() });
        assert_eq!(of("audio/wav", b"hi"), Block::Audio { data: "aGk=".into(), media_type: "audio/wav".into() });
        let uri = "my-crm://files/7/a%20b.bin".into();
        let media_type = "application/octet-stream".into();
        assert_eq!(of("nonsense", b"hi"), Block::Resource { uri, media_type, blob: "aGk=".into() });
    }

    #[test]
    fn what_is_known_of_a_file_is_said_beside_it() {
        let Outcome::Blocks { structured, .. } = inline("crm", "/f", &file("application/pdf", b"hi")) else {
            panic!("not blocks")
        };
        let expected = json!({"file_name": "a b.bin", "media_type": "application/pdf", "size": 2});
        assert_eq!(serde_json::from_slice::<Value>(&structured.unwrap()).unwrap(), expected);
    }
}
