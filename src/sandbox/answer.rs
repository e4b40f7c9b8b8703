//! What goes back: JSON answers and Affinity's error bodies.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use super::id::Id;

/// The result of a handler.
pub(super) type Result<T = Answer> = std::result::Result<T, Fault>;

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// 200 with a JSON body.
    pub(super) fn json(body: &impl Serialize) -> Self {
        Self::with_json(StatusCode::OK, body)
    }

    fn with_json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("records have string keys and no failing serializers");
        Self::with_body(status, HeaderValue::from_static("application/json"), body.into())
    }

    /// Any body of any media type.
    pub(super) fn with_body(status: StatusCode, media_type: HeaderValue, body: Bytes) -> Self {
        Self { status, headers: HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]), body }
    }

    /// `{"success": true}`, the answer to every delete.
    pub(super) fn success() -> Self {
        Self::json(&serde_json::json!({ "success": true }))
    }

    /// 302 to `location`.
    pub(super) fn redirect(location: HeaderValue) -> Self {
        let headers = HeaderMap::from_iter([(header::LOCATION, location)]);
        Self { status: StatusCode::FOUND, headers, body: Bytes::new() }
    }

    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl From<Fault> for Answer {
    /// Affinity's v1 error body: an array with one string.
    fn from(fault: Fault) -> Self {
        Self::with_json(fault.status, &[fault.text])
    }
}

/// A refused request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    text: String,
}

impl Fault {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    /// 422: v1's answer to everything that is wrong with the parameters.
    pub(super) fn unprocessable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, text)
    }

    /// 422 for one parameter.
    pub(super) fn field(name: &str, text: impl std::fmt::Display) -> Self {
        Self::unprocessable(format!("Field {name}: {text}"))
    }

    /// 422 for an id that names nothing: v1 has no 404 for a missing record.
    pub(super) fn missing(name: &str, id: Id, model: &str) -> Self {
        Self::field(name, format_args!("expected {id} to be a valid id for model Affinity::Models::{model}"))
    }

    /// 422 for an id that was merged away.
    pub(super) fn merged(id: Id, into: Id) -> Self {
        Self::unprocessable(format!("{id} no longer exists as it has been merged into {into}"))
    }

    /// 403: the record belongs to somebody else.
    pub(super) fn forbidden(text: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 404: the path, not the record, is unknown.
    pub(super) fn unknown_endpoint() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Unknown API endpoint")
    }
}
