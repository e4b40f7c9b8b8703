//! Good answers that are no lists, as agents get them.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::binary::{self, Content as File};
use super::cut;
use super::errand::Reply;
use super::failure::Failure;
use crate::account::Account;
use crate::catalog::tool::{PathTemplate, Segment};
use crate::outcome::Content;

/// An object as the upstream gives it; another JSON value under `result`; content that is not JSON as blocks.
///
/// # Errors
/// The answer says that it is JSON and is not.
pub(super) fn object(account: &Account, path: &str, reply: Reply) -> Result<Content, Failure> {
    if reply.body.trim_ascii().is_empty() {
        return Ok(Content::Json(Bytes::from_static(b"{}")));
    }
    match cut::value(&reply.body) {
        Ok(value) if value.first() == Some(&b'{') => Ok(Content::Json(value)),
        Ok(value) if says_json(&reply) => Ok(Content::Json([b"{\"result\":", &value[..], b"}"].concat().into())),
        Err(failure) if says_json(&reply) => Err(failure),
        _ => Ok(binary::inline(&account.integration.name, path, &File::new(&reply.fields, reply.body))),
    }
}

/// Does the answer claim to be JSON? One that says nothing does.
fn says_json(reply: &Reply) -> bool {
    let Some(media_type) = reply.fields.get(&CONTENT_TYPE) else { return true };
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json") || essence.to_ascii_lowercase().ends_with(b"+json")
}

/// The acknowledgement of a delete: `id` is the argument of that name, else the last one in the path.
pub(super) fn deleted(path: &PathTemplate, values: &Map<String, Value>) -> Bytes {
    let last = path.0.iter().rev().find_map(|segment| match segment {
        Segment::Argument(name) => values.get(name),
        Segment::Literal(_) => None,
    });
    let id = values.get("id").or(last).unwrap_or(&Value::Null);
    format!("{{\"id\":{id},\"deleted\":true}}").into()
}
