//! `multipart/form-data` (RFC 7578) with one file, made of arguments.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::text::each_text;
use crate::catalog::tool::{FilePart, Place, Placed};

/// The body and its `Content-Type`.
///
/// # Errors
/// The argument that cannot be sent as it is.
pub(super) fn body(
    part: &FilePart,
    places: &[Placed],
    values: &Map<String, Value>,
) -> Result<(Bytes, HeaderValue), Failure> {
    let boundary = boundary()?;
    let content = text(values, &part.content)?;
    let mut body = Vec::with_capacity(content.len() / 4 * 3 + 1024);
    for Placed { argument, place } in places {
        let (Place::Body(name), Some(value)) = (place, values.get(&**argument)) else { continue };
        each_text(argument, value, |text| {
            head(&mut body, &boundary, name);
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(text.as_bytes());
            body.extend_from_slice(b"\r\n");
        })?;
    }
    file(&mut body, &boundary, part, values)?;
    STANDARD.decode_vec(content, &mut body).map_err(|_| Failure::misfit(&part.content, "expected base64"))?;
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let kind = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
        .map_err(|error| Failure::Bug(format!("a boundary is no header value: {error}")))?;
    Ok((body.into(), kind))
}

/// The head of the file part, up to its content.
fn file(body: &mut Vec<u8>, boundary: &str, part: &FilePart, values: &Map<String, Value>) -> Result<(), Failure> {
    let name = text(values, &part.name)?;
    let media_type = match values.get(&part.media_type) {
        None | Some(Value::Null) => "application/octet-stream",
        Some(_) => text(values, &part.media_type)?,
    };
    if HeaderValue::from_str(media_type).is_err() {
        return Err(Failure::misfit(&part.media_type, "expected a media type such as application/pdf"));
    }
    head(body, boundary, &part.part);
    body.extend_from_slice(b"; filename=\"");
    quote(body, name);
    body.extend_from_slice(b"\"\r\nContent-Type: ");
    body.extend_from_slice(media_type.as_bytes());
    body.extend_from_slice(b"\r\n\r\n");
    Ok(())
}

fn head(body: &mut Vec<u8>, boundary: &str, name: &str) {
    body.extend_from_slice(b"--");
    body.extend_from_slice(boundary.as_bytes());
    body.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
    quote(body, name);
    body.push(b'"');
}

/// What would end a quoted name is escaped as browsers do it (WHATWG HTML, "multipart form data"; RFC 7578 section 2);
/// the rest is UTF-8 as it is (section 5.1).
fn quote(body: &mut Vec<u8>, name: &str) {
    for byte in name.bytes() {
        if byte == b'"' || byte.is_ascii_control() {
            body.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            body.push(byte);
        }
    }
}

fn text<'v>(values: &'v Map<String, Value>, argument: &str) -> Result<&'v str, Failure> {
    values.get(argument).and_then(Value::as_str).ok_or_else(|| Failure::misfit(argument, "expected a string"))
}

/// 128 random bits: no content holds them by chance, and none can by design.
fn boundary() -> Result<String, Failure> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Failure::Bug(format!("no randomness for a boundary: {error}")))?;
    Ok(format!("chaperone-{:032x}", u128::from_ne_bytes(random)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::upstream::tests::support::object;

    fn part() -> FilePart {
        FilePart {
            part: "file".into(),
            name: "file_name".into(),
            content: "content".into(),
            media_type: "media_type".into(),
        }
    }

    fn written(values: Value) -> Result<String, Failure> {
        let places = [Placed { argument: "person_id".into(), place: Place::Body("person_id".into()) }];
        let (body, kind) = body(&part(), &places, &object(values))?;
        let boundary = kind.to_str().unwrap().split_once("boundary=").unwrap().1;
        Ok(String::from_utf8(body.to_vec()).unwrap().replace(boundary, "B"))
    }

    #[test]
    fn text_parts_come_first_and_the_file_is_decoded() {
        let values = json!({"person_id": 7, "file_name": "a.txt", "content": "aGk=", "media_type": "text/plain"});
        let expected = "--B\r\nContent-Disposition: form-data; name=\"person_id\"\r\n\r\n7\r\n\
            --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
            Content-Type: text/plain\r\n\r\nhi\r\n--B--\r\n";
        assert_eq!(written(values).unwrap(), expected);
    }

    #[test]
    fn a_file_name_cannot_end_its_header() {
        let values = json!({"file_name": "é\"\r\nX: y", "content": "aGk=", "media_type": null});
        let body = written(values).unwrap();
        assert!(body.contains("filename=\"é%22%0D%0AX: y\"\r\nContent-Type: application/octet-stream\r\n"), "{body}");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        for (values, argument) in [
            (json!({"content": "aGk="}), "file_name"),
            (json!({"file_name": "a", "content": "a b!"}), "content"),
            (json!({"file_name": "a", "content": "aGk=", "media_type": "text/plain\r\nX: y"}), "media_type"),
            (json!({"file_name": "a", "content": "aGk=", "person_id": [[1]]}), "person_id"),
        ] {
            match written(values) {
                Err(Failure::Misfit(misfit)) => assert_eq!(misfit.argument, argument),
                other => panic!("{argument}: {other:?}"),
            }
        }
    }
}
