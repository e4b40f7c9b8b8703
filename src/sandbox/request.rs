//! A request, read whole before anything is locked.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::{
    answer::{Fault, Result},
    multipart::{self, FilePart},
    params::Params,
};

/// Affinity's largest file is 100 MB; this leaves room for the multipart frame.
const MAX_BODY: usize = 101 * 1024 * 1024;

/// What a handler may look at.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) params: Params,
    pub(super) files: Vec<FilePart>,
}

impl Request {
    /// Read parameters and files from wherever they stand.
    pub(super) async fn read(head: Parts, body: Incoming) -> Result<Self> {
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|_| Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large"))?;
        let (mut params, mut files) = (Params::default(), Vec::new());
        params.add_form(head.uri.query().unwrap_or_default().as_bytes())?;
        let body = body.to_bytes();
        if !body.is_empty() {
            files = read_body(&body, head.headers.get(header::CONTENT_TYPE), &mut params)?;
        }
        Ok(Self { method: head.method, path: head.uri.path().to_owned(), headers: head.headers, params, files })
    }
}

fn read_body(body: &Bytes, content_type: Option<&HeaderValue>, params: &mut Params) -> Result<Vec<FilePart>> {
    let absent = HeaderValue::from_static("");
    let content_type = content_type.unwrap_or(&absent);
    let media_type = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        "multipart/form-data" => multipart::read(body, content_type, params),
        // curl's default for `-d`, with which Affinity's documentation also sends JSON.
        "application/x-www-form-urlencoded" if !body.starts_with(b"{") => params.add_form(body).map(|()| Vec::new()),
        _ => params.add_json(body).map(|()| Vec::new()),
    }
}
