//! JSON-RPC 2.0 envelopes (<https://www.jsonrpc.org/specification>), read without copying.
//!
//! MCP narrows them: an id is a string or an integer, `params` is an object, a POST holds one message.

mod id;
mod params;
mod plain;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use id::MAX_ID;
pub use id::{Id, KeptId};
use params::present;
pub use params::{ClientInfo, Meta, Params};

use crate::refusal::Refusal;

/// One message of a POST body.
#[derive(Debug)]
pub enum Message<'b> {
    /// Wants an answer.
    Request(Request<'b>),
    /// Wants none.
    Notification(Request<'b>),
    /// An answer to a request that chaperone never made.
    Response,
}

/// A request, or a notification where the id is not used.
#[derive(Debug)]
pub struct Request<'b> {
    /// The id; `None` in a notification.
    pub id: Option<Id<'b>>,
    /// The method.
    pub method: Cow<'b, str>,
    /// The parameters that some method of MCP looks at.
    pub params: Params<'b>,
}

/// What was wrong, and the id if it could be told.
#[derive(Debug)]
pub struct Broken<'b> {
    /// The id to answer.
    pub id: Option<Id<'b>>,
    /// Why the message cannot be taken.
    pub refusal: Refusal,
}

#[derive(Deserialize)]
struct Envelope<'b> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'b str>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'b str>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'b str>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'b str>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'b str>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'b str>,
}

/// The text of a JSON string, given as it stands in a JSON text; `None` for any other value. Borrowed unless it holds an
/// escape.
#[must_use]
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// Read the body of a POST.
///
/// # Errors
/// [`Refusal::Parse`] for what is not JSON, [`Refusal::InvalidRequest`] for JSON that is not one JSON-RPC message,
/// [`Refusal::InvalidParams`] for parameters of the wrong form.
pub fn read(body: &[u8]) -> Result<Message<'_>, Broken<'_>> {
    let anonymous = |refusal| Broken { id: None, refusal };
    let text = std::str::from_utf8(body).map_err(|_| anonymous(Refusal::Parse("the body is not UTF-8".into())))?;
    // serde would also take the members in order from an array.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(anonymous(not_an_object(text)));
    }
    // Whatever does not read well so is read again, to say what is wrong with it.
    if let Some(request) = plain::request(text) {
        return Ok(Message::Request(request));
    }
    match serde_json::from_str(text) {
        Ok(envelope) => message(&envelope),
        Err(error) if error.is_data() => {
            Err(anonymous(Refusal::InvalidRequest(format!("not a JSON-RPC message: {error}"))))
        }
        Err(error) => Err(anonymous(not_json(&error))),
    }
}

fn not_an_object(text: &str) -> Refusal {
    match serde_json::from_str::<&RawValue>(text) {
        Err(error) => not_json(&error),
        Ok(raw) if raw.get().starts_with('[') => {
            Refusal::InvalidRequest("batches are not part of this protocol, send one request a POST".into())
        }
        Ok(_) => Refusal::InvalidRequest("expected a JSON-RPC message, which is a JSON object".into()),
    }
}

fn not_json(error: &serde_json::Error) -> Refusal {
    Refusal::Parse(format!("the body is not JSON: {error}"))
}

fn message<'b>(envelope: &Envelope<'b>) -> Result<Message<'b>, Broken<'b>> {
    let id = envelope.id.and_then(Id::of);
    let invalid = |text: &str| Broken { id, refusal: Refusal::InvalidRequest(text.to_owned()) };
    if envelope.jsonrpc.is_none_or(|version| version != "\"2.0\"") {
        return Err(invalid("expected \"jsonrpc\": \"2.0\""));
    }
    if envelope.id.is_some() && id.is_none() {
        return Err(invalid(&format!("expected an id that is a string or an integer of at most {MAX_ID} bytes")));
    }
    let Some(method) = envelope.method else {
        let answer = id.is_some() && (envelope.result.is_some() != envelope.error.is_some());
        return if answer { Ok(Message::Response) } else { Err(invalid("the method is missing")) };
    };
    let Some(method) = text(method) else { return Err(invalid("expected a method that is a string")) };
    let params = match envelope.params {
        None => Params::default(),
        Some(raw) => read_params(raw).map_err(|refusal| Broken { id, refusal })?,
    };
    let request = Request { id, method, params };
    Ok(if id.is_some() { Message::Request(request) } else { Message::Notification(request) })
}

fn read_params(raw: &str) -> Result<Params<'_>, Refusal> {
    if !raw.starts_with('{') {
        return Err(Refusal::InvalidParams("expected params that are an object".into()));
    }
    serde_json::from_str(raw).map_err(|error| Refusal::InvalidParams(format!("params cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> Refusal {
        read(body.as_bytes()).unwrap_err().refusal
    }

    #[test]
    fn ids_are_echoed_as_they_were_written() {
        for id in ["0", "\"server-discover-probe-1\"", "-7", "\"\\u0041\"", "12345678901234567890123"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            let Ok(Message::Request(request)) = read(body.as_bytes()) else { panic!("{id}") };
            assert_eq!(request.id.unwrap().get(), id);
        }
    }

    #[test]
    fn what_is_not_json_is_a_parse_error() {
        for body in ["", "{", "nonsense", "{\"a\":1}}", "\u{feff}{}", "{\"id\":01}"] {
            assert!(matches!(refusal(body), Refusal::Parse(_)), "{body}");
        }
        assert!(matches!(read(b"\xff{}").unwrap_err().refusal, Refusal::Parse(_)));
    }

    #[test]
    fn json_that_is_not_one_message_is_an_invalid_request() {
        for body in [
            "[]",
            r#"["2.0",1,"ping"]"#,
            "1",
            "null",
            "{}",
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        ] {
            assert!(matches!(refusal(body), Refusal::InvalidRequest(_)), "{body}");
        }
    }

    #[test]
    fn parameters_of_the_wrong_form_or_twice_are_refused() {
        for params in
            ["[]", "7", "null", r#"{"name":"a","name":"b"}"#, r#"{"_meta":7}"#, r#"{"_meta":["2026-07-28",{}]}"#]
        {
            let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
            let broken = read(body.as_bytes()).unwrap_err();
            assert!(matches!(broken.refusal, Refusal::InvalidParams(_)), "{params}");
            assert_eq!(broken.id.unwrap().get(), "1");
        }
    }

    #[test]
    fn a_message_without_id_is_a_notification_and_one_without_method_an_answer() {
        let note = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert!(matches!(read(note), Ok(Message::Notification(_))));
        assert!(matches!(read(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#), Ok(Message::Response)));
    }
}
