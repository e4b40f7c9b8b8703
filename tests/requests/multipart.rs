//! `multipart/form-data` (RFC 7578) read strictly: what another server would make of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

/// The parts by name: text, or `{file_name, media_type, content}` with the content in base64.
///
/// # Errors
/// Where the body is not what the media type says.
pub(crate) fn parts(media_type: &str, body: &[u8]) -> Result<Value, String> {
    let boundary = media_type.strip_prefix("multipart/form-data; boundary=").ok_or("not multipart/form-data")?;
    let delimiter = [b"\r\n--", boundary.trim_matches('"').as_bytes()].concat();
    let body = [b"\r\n", body].concat();
    let mut pieces = split(&body, &delimiter).into_iter();
    if pieces.next() != Some(&[][..]) {
        return Err("something stands before the first part".into());
    }
    let mut parts = Map::new();
    for piece in pieces {
        if piece.starts_with(b"--") {
            return Ok(Value::Object(parts));
        }
        let (name, value) = part(piece.strip_prefix(b"\r\n").ok_or("a delimiter is not a line")?)?;
        if parts.insert(name, value).is_some() {
            return Err("a part stands twice".into());
        }
    }
    Err("the last delimiter is missing".into())
}

fn part(piece: &[u8]) -> Result<(String, Value), String> {
    let end = piece.windows(4).position(|window| window == b"\r\n\r\n").ok_or("a part has no headers")?;
    let head = std::str::from_utf8(&piece[..end]).map_err(|error| error.to_string())?;
    let content = &piece[end + 4..];
    let header = |name: &str| {
        let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    };
    let disposition = header("content-disposition").ok_or("a part has no content-disposition")?;
    let parameter = |name: &str| {
        let start = disposition.find(&format!("; {name}=\""))? + name.len() + 4;
        disposition[start..].split('"').next().map(str::to_owned)
    };
    let name = parameter("name").ok_or("a part has no name")?;
    let value = match parameter("filename") {
        None => json!(std::str::from_utf8(content).map_err(|error| error.to_string())?),
        Some(file_name) => json!({
            "file_name": file_name,
            "media_type": header("content-type").unwrap_or_default(),
            "content": STANDARD.encode(content),
        }),
    };
    Ok((name, value))
}

fn split<'b>(mut body: &'b [u8], delimiter: &[u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = body.windows(delimiter.len()).position(|window| window == delimiter) {
        pieces.push(&body[..at]);
        body = &body[at + delimiter.len()..];
    }
    pieces.push(body);
    pieces
}
