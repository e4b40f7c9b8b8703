//! The head of a request, read as RFC 9112 has it; whatever is not as nearly everybody sends it is left to hyper.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::super::incoming::Incoming;
use crate::spare;

/// Most header fields of a request that is read here.
const MOST: usize = 64;

/// Largest head that is read here, in bytes.
pub(super) const LARGEST_HEAD: usize = 16 << 10;

/// Largest body that is read here, in bytes: a larger one is better looked at while it comes.
pub(super) const LARGEST_BODY: usize = 64 << 10;

/// Names that are not among the standard ones, and that MCP clients send: they need no room of their own.
static USUAL: [HeaderName; 7] = [
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-api-token"),
];

/// What was found at the beginning of what was read.
#[expect(clippy::large_enum_variant, reason = "nearly all are requests, and none is kept")]
pub(super) enum Taken {
    /// A request with its body, and whether it is the last one of its connection.
    Request(Request<Incoming>, bool),
    /// Less than a request.
    Part,
    /// What is hyper's to understand, or to refuse. Nothing was taken.
    Unusual,
}

/// Take the first request off `data`.
pub(super) fn take(data: &mut Bytes) -> Taken {
    let mut room = [const { MaybeUninit::uninit() }; MOST];
    let mut parsed = httparse::Request::new(&mut []);
    let config = httparse::ParserConfig::default();
    let head = match config.parse_request_with_uninit_headers(&mut parsed, data, &mut room) {
        Ok(httparse::Status::Complete(head)) if head <= LARGEST_HEAD => head,
        Ok(httparse::Status::Partial) if data.len() <= LARGEST_HEAD => return Taken::Part,
        _ => return Taken::Unusual,
    };
    let mut headers = spare::headers();
    let Some(Framing { length, is_last }) = framing(data, &parsed, &mut headers) else {
        spare::put_away(headers);
        return Taken::Unusual;
    };
    let end = head + length;
    if data.len() < end {
        spare::put_away(headers);
        return Taken::Part;
    }
    let target = parsed.path.filter(|path| path.starts_with('/')).map(|path| data.slice_ref(path.as_bytes()));
    let (Some(method), Some(Ok(uri))) = (method(&parsed), target.map(Uri::from_maybe_shared)) else {
        spare::put_away(headers);
        return Taken::Unusual;
    };
    let mut request = Request::new(Incoming::Whole(data.slice(head..end)));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
    // Nothing is kept of what was taken.
    *data = if data.len() == end { Bytes::new() } else { data.slice(end..) };
    Taken::Request(request, is_last)
}

/// Methods whose answers have a body, and that ask for no other use of the connection; all in HTTP/1.1.
fn method(parsed: &httparse::Request<'_, '_>) -> Option<Method> {
    match parsed.method.filter(|_| parsed.version == Some(1))? {
        "POST" => Some(Method::POST),
        "GET" => Some(Method::GET),
        "DELETE" => Some(Method::DELETE),
        "OPTIONS" => Some(Method::OPTIONS),
        _ => None,
    }
}

/// What the fields of a request say of where it ends.
struct Framing {
    /// Bytes of its body.
    length: usize,
    /// Does its connection end with it?
    is_last: bool,
}

/// The fields of a request, put into `headers`; `None` where one of them asks for more than a whole body of a known, small
/// length (RFC 9112 sections 6 and 9.6, RFC 9110 sections 7.8 and 10.1.1).
fn framing(data: &Bytes, parsed: &httparse::Request<'_, '_>, headers: &mut HeaderMap) -> Option<Framing> {
    let mut framing = Framing { length: 0, is_last: false };
    let mut has_length = false;
    for field in &*parsed.headers {
        let name = name(field.name.as_bytes())?;
        if name == header::CONTENT_LENGTH {
            if has_length {
                return None;
            }
            (framing.length, has_length) = (length(field.value)?, true);
        } else if name == header::CONNECTION {
            for option in field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                let is_close = option.eq_ignore_ascii_case(b"close");
                if !is_close && !option.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
                framing.is_last |= is_close;
            }
        } else if name == header::TRANSFER_ENCODING || name == header::EXPECT || name == header::UPGRADE {
            return None;
        }
        headers.try_append(name, HeaderValue::from_maybe_shared(data.slice_ref(field.value)).ok()?).ok()?;
    }
    Some(framing)
}

fn name(text: &[u8]) -> Option<HeaderName> {
    let is_it = |name: &&HeaderName| name.as_str().as_bytes().eq_ignore_ascii_case(text);
    USUAL.iter().find(is_it).cloned().or_else(|| HeaderName::from_bytes(text).ok())
}

/// A small number, in digits and nothing else.
fn length(value: &[u8]) -> Option<usize> {
    let is_number = !value.is_empty() && value.len() <= 5 && value.iter().all(u8::is_ascii_digit);
    let length = str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()?;
    (length <= LARGEST_BODY).then_some(length)
}
