//! The head of a request, read as RFC 9112 has it; whatever is not as nearly everybody sends it is left to hyper.

use std::{
    borrow::Cow,
    mem::{self, MaybeUninit},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::super::incoming::Incoming;
use crate::lines::Lines;
use crate::spare;

/// Most header fields of a request that is read here.
const MOST: usize = 64;

/// Largest head that is read here, in bytes.
pub(super) const LARGEST_HEAD: usize = 16 << 10;

/// Largest body that is read here, in bytes: a larger one is better looked at while it comes.
pub(super) const LARGEST_BODY: usize = 64 << 10;

/// What a field is to whoever reads a head.
#[derive(Clone, Copy)]
enum Kind {
    /// Nothing: it is for those on the road.
    Told,
    /// Nothing, and nobody else is told of it either.
    Untold,
    /// How long the body is. Nobody else is told.
    Length,
    /// What becomes of the connection. Nobody else is told.
    Connection,
    /// It asks for more than is read here.
    Unusual,
}

/// Names that clients of MCP send, and those that mean something here: to find one costs less than to read it.
static USUAL: [(&str, Kind, HeaderName); 19] = [
    ("host", Kind::Told, header::HOST),
    ("accept", Kind::Untold, header::ACCEPT),
    ("user-agent", Kind::Told, header::USER_AGENT),
    ("content-type", Kind::Told, header::CONTENT_TYPE),
    ("content-length", Kind::Length, header::CONTENT_LENGTH),
    ("mcp-protocol-version", Kind::Told, HeaderName::from_static("mcp-protocol-version")),
    ("mcp-method", Kind::Told, HeaderName::from_static("mcp-method")),
    ("mcp-name", Kind::Told, HeaderName::from_static("mcp-name")),
    ("mcp-session-id", Kind::Told, HeaderName::from_static("mcp-session-id")),
    ("connection", Kind::Connection, header::CONNECTION),
    ("authorization", Kind::Told, header::AUTHORIZATION),
    ("accept-encoding", Kind::Untold, header::ACCEPT_ENCODING),
    ("accept-language", Kind::Untold, header::ACCEPT_LANGUAGE),
    ("traceparent", Kind::Told, HeaderName::from_static("traceparent")),
    ("tracestate", Kind::Told, HeaderName::from_static("tracestate")),
    ("x-api-token", Kind::Told, HeaderName::from_static("x-api-token")),
    ("transfer-encoding", Kind::Unusual, header::TRANSFER_ENCODING),
    ("expect", Kind::Unusual, header::EXPECT),
    ("upgrade", Kind::Unusual, header::UPGRADE),
];

/// Why there is no request. Nothing was taken.
pub(super) enum Missing {
    /// There is less than a request; how long it will be, where its head is whole.
    Part(Option<usize>),
    /// It is hyper's to understand, or to refuse.
    Unusual,
}

/// Take the first request off `data`, and whether it is the last one of its connection.
pub(super) fn take(data: &mut Bytes) -> Result<(Request<Incoming>, bool), Missing> {
    let (request, is_last, end) = first(data)?;
    // Nothing is kept of what was taken.
    *data = if data.len() == end { Bytes::new() } else { data.slice(end..) };
    Ok((request, is_last))
}

/// As [`take`], and where it ends.
fn first(data: &Bytes) -> Result<(Request<Incoming>, bool, usize), Missing> {
    let Head { length, method, uri, mut fields } = plain(data).map_or_else(|| odd(data), Ok)?;
    let end = length + fields.body.unwrap_or_default();
    if data.len() < end {
        return Err(Missing::Part(Some(end)));
    }
    let mut request = Request::new(Incoming::Whole(data.slice(length..end)));
    (*request.method_mut(), *request.uri_mut()) = (method, uri);
    *request.headers_mut() = mem::take(&mut fields.headers);
    Ok((request, fields.is_last, end))
}

/// A head, and how long it is.
struct Head<'d> {
    length: usize,
    method: Method,
    uri: Uri,
    fields: Fields<'d>,
}

/// A head as nearly everybody writes it.
fn plain(data: &Bytes) -> Option<Head<'_>> {
    let (mut lines, mut fields) = (Lines::of(data), Fields::of(data));
    let line = lines.line()?;
    let (method, target) = line.split_at(line.iter().position(|byte| *byte == b' ')?);
    let target = target.get(1..)?.strip_suffix(b" HTTP/1.1")?;
    let is_plain = target.is_ascii() && !target.contains(&b' ');
    let (method, uri) = (known(method).filter(|_| is_plain)?, uri(data, target)?);
    let length = lines.fields(|name, value| fields.add(name, value)).filter(|length| *length <= LARGEST_HEAD)?;
    Some(Head { length, method, uri, fields })
}

/// As [`plain`], of any head that httparse takes.
fn odd(data: &Bytes) -> Result<Head<'_>, Missing> {
    let mut room = [const { MaybeUninit::uninit() }; MOST];
    let mut parsed = httparse::Request::new(&mut []);
    let config = httparse::ParserConfig::default();
    let length = match config.parse_request_with_uninit_headers(&mut parsed, data, &mut room) {
        Ok(httparse::Status::Complete(length)) if length <= LARGEST_HEAD => length,
        Ok(httparse::Status::Partial) if data.len() <= LARGEST_HEAD => return Err(Missing::Part(None)),
        _ => return Err(Missing::Unusual),
    };
    let method = parsed.method.filter(|_| parsed.version == Some(1)).and_then(|method| known(method.as_bytes()));
    let target = parsed.path.and_then(|path| uri(data, path.as_bytes()));
    let mut fields = Fields::of(data);
    let added = parsed.headers.iter().try_for_each(|field| fields.add(field.name.as_bytes(), field.value));
    let (Some(method), Some(uri), Some(())) = (method, target, added) else { return Err(Missing::Unusual) };
    Ok(Head { length, method, uri, fields })
}

/// A target in origin form (RFC 9112 section 3.2.1).
fn uri(data: &Bytes, target: &[u8]) -> Option<Uri> {
    let target = target.starts_with(b"/").then(|| data.slice_ref(target))?;
    Uri::from_maybe_shared(target).ok()
}

/// The fields of a head, and what they say of where the request ends.
struct Fields<'d> {
    data: &'d Bytes,
    headers: HeaderMap,
    /// Fields so far, those that are left out too.
    count: usize,
    /// Bytes of the body, once it was said.
    body: Option<usize>,
    /// Does the connection end with this request?
    is_last: bool,
}

impl<'d> Fields<'d> {
    fn of(data: &'d Bytes) -> Self {
        Self { data, headers: spare::headers(), count: 0, body: None, is_last: false }
    }

    /// One field more; `None` if it asks for more than a whole body of a known, small length (RFC 9112 sections 6 and 9.6,
    /// RFC 9110 sections 7.8 and 10.1.1).
    fn add(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        self.count += 1;
        let (kind, name) = field(name).filter(|_| self.count <= MOST)?;
        match kind {
            Kind::Told => {
                let value = HeaderValue::from_maybe_shared(self.data.slice_ref(value)).ok()?;
                self.headers.try_append(name.into_owned(), value).ok()?;
            }
            Kind::Untold => {}
            Kind::Length => self.body = Some(length(value).filter(|_| self.body.is_none())?),
            Kind::Connection => self.is_last |= is_last(value)?,
            Kind::Unusual => return None,
        }
        Some(())
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        // Those of a request are gone from here.
        if self.headers.capacity() > 0 {
            spare::put_away(mem::take(&mut self.headers));
        }
    }
}

/// Methods whose answers have a body, and that ask for no other use of the connection.
fn known(method: &[u8]) -> Option<Method> {
    match method {
        b"POST" => Some(Method::POST),
        b"GET" => Some(Method::GET),
        b"DELETE" => Some(Method::DELETE),
        b"OPTIONS" => Some(Method::OPTIONS),
        _ => None,
    }
}

/// What a field of this name is, and its name.
fn field(text: &[u8]) -> Option<(Kind, Cow<'static, HeaderName>)> {
    // Nearly all write them as they stand here.
    let same = USUAL.iter().find(|(known, ..)| known.len() == text.len() && known.as_bytes() == text);
    let usual = same.or_else(|| USUAL.iter().find(|(known, ..)| known.as_bytes().eq_ignore_ascii_case(text)));
    match usual {
        Some((_, kind, name)) => Some((*kind, Cow::Borrowed(name))),
        None => Some((Kind::Told, Cow::Owned(HeaderName::from_bytes(text).ok()?))),
    }
}

/// Is the connection to end? `None` if it is to become another one (RFC 9112 section 9.6, RFC 9110 section 7.8).
fn is_last(options: &[u8]) -> Option<bool> {
    options.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).try_fold(false, |is_last, option| {
        let is_close = option.eq_ignore_ascii_case(b"close");
        (is_close || option.eq_ignore_ascii_case(b"keep-alive")).then_some(is_last | is_close)
    })
}

/// A small number, in digits and nothing else.
fn length(value: &[u8]) -> Option<usize> {
    let is_number = !value.is_empty() && value.len() <= 5 && value.iter().all(u8::is_ascii_digit);
    let length = str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()?;
    (length <= LARGEST_BODY).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::super::super::untold::UNTOLD;
    use super::*;

    #[test]
    fn what_nobody_is_told_is_left_out_here_too() {
        for (text, kind, name) in &USUAL {
            assert_eq!(*text, name.as_str());
            let is_told = matches!(kind, Kind::Told | Kind::Unusual);
            assert_eq!(is_told, !UNTOLD.contains(name), "{text}");
        }
        let is_usual = |name| USUAL.iter().any(|(_, _, usual)| usual == name);
        assert!(UNTOLD.iter().all(is_usual), "a name that is read here is told");
    }
}
