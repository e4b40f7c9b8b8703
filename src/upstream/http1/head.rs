//! The head of a request, written; the head of an answer, read.

use std::{mem::MaybeUninit, ops::Range};

use bytes::{Buf as _, BytesMut};
use http::{HeaderName, StatusCode, header};

use super::super::fields::{Fields, Place, position};
use super::super::message::Outgoing;
use super::error::{Error, LARGEST};
use super::framing::Framing;
use crate::decimal::Decimal;
use crate::lines::Lines;

/// Most fields of an answer. hyper allows as many.
const MOST: usize = 100;

/// Fields that there is room for at once.
const USUAL: usize = 16;

/// The head of an answer.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) fields: Fields,
    pub(super) framing: Framing,
    /// Is the connection ended after this answer?
    pub(super) is_last: bool,
}

/// Write the head of a request (RFC 9112 section 3).
pub(super) fn write(out: &mut Vec<u8>, request: &Outgoing) {
    let mut put = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
    let slash: &[u8] = if target.starts_with('/') { b"" } else { b"/" };
    put(&[request.method.as_str().as_bytes(), b" ", slash, target.as_bytes(), b" HTTP/1.1\r\n"]);
    for (name, value) in request.fields() {
        put(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    if request.has_length() {
        put(&[b"content-length: ", Decimal::of(request.body.len() as u64).as_str().as_bytes(), b"\r\n"]);
    }
    put(&[b"\r\n"]);
}

/// Take the head of an answer off `read`, whose body there is none of if it `is_head`; `None` where some of it is missing.
///
/// # Errors
/// It is none.
pub(super) fn parse(read: &mut BytesMut, is_head: bool) -> Result<Option<Head>, Error> {
    loop {
        let found = match plain(read) {
            Some(found) => found,
            None => match odd(read)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let Found { length, code, version, places } = found;
        let status = StatusCode::from_u16(code).map_err(|_| httparse::Error::Status)?;
        if status.is_informational() {
            // Interim answers are for those who asked for them (RFC 9110 section 15.2).
            if status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(Error::Framing("nobody asked for another protocol"));
            }
            read.advance(length);
            continue;
        }
        let fields = Fields::new(read.split_to(length).freeze(), places);
        let (framing, is_last) = framing(&fields, status, is_head, version)?;
        return Ok(Some(Head { status, fields, framing, is_last }));
    }
}

/// What was found in a head.
struct Found {
    length: usize,
    code: u16,
    /// The minor one.
    version: u8,
    places: Vec<Place>,
}

/// A head as nearly everybody writes it.
fn plain(read: &[u8]) -> Option<Found> {
    let mut lines = Lines::of(read);
    let status = lines.line()?.strip_prefix(b"HTTP/1.1 ")?;
    let (digits, b" ") = status.get(..4)?.split_at(3) else { return None };
    let digit = |code: u16, digit: &u8| digit.is_ascii_digit().then(|| 10 * code + u16::from(digit - b'0'));
    let code = digits.iter().try_fold(0, digit)?;
    let mut places = Vec::with_capacity(USUAL);
    let length = lines.fields(|name, value| {
        places.push((place(read, name), place(read, value)));
        (places.len() <= MOST).then_some(())
    })?;
    Some(Found { length, code, version: 1, places })
}

/// As [`plain`], of any head that httparse takes; `None` where some of it is missing.
fn odd(read: &[u8]) -> Result<Option<Found>, Error> {
    let mut room = [const { MaybeUninit::uninit() }; MOST];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default();
    let length = match parsed.parse_response_with_uninit_headers(&mut response, read, &mut room)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if read.len() > LARGEST => return Err(Error::Large),
        httparse::Status::Partial => return Ok(None),
    };
    let (code, version) = (response.code.unwrap_or_default(), response.version.unwrap_or_default());
    let fields = response.headers.iter();
    let places = fields.map(|field| (place(read, field.name.as_bytes()), place(read, field.value))).collect();
    Ok(Some(Found { length, code, version, places }))
}

/// Where a part of what was read stands.
fn place(read: &[u8], part: &[u8]) -> Range<u32> {
    let at = part.as_ptr().addr() - read.as_ptr().addr();
    position(at)..position(at + part.len())
}

/// Where the body ends, and whether the connection does (RFC 9112 sections 6.3 and 9.3).
fn framing(fields: &Fields, status: StatusCode, is_head: bool, version: u8) -> Result<(Framing, bool), Error> {
    let says = |token: &[u8]| tokens(fields, &header::CONNECTION).any(|said| said.eq_ignore_ascii_case(token));
    let is_last = says(b"close") || version == 0 && !says(b"keep-alive");
    let length = length(fields)?;
    if is_head || status == StatusCode::NOT_MODIFIED {
        return Ok((Framing::of_length(0), is_last));
    }
    if status == StatusCode::NO_CONTENT {
        // One that speaks of a body all the same may send it.
        let has_body = length.is_some_and(|length| length > 0) || fields.get(&header::TRANSFER_ENCODING).is_some();
        return Ok((Framing::of_length(0), is_last || has_body));
    }
    let mut codings = tokens(fields, &header::TRANSFER_ENCODING);
    if let Some(coding) = codings.next() {
        if !coding.eq_ignore_ascii_case(b"chunked") || codings.next().is_some() {
            return Err(Error::Framing("nobody asked for its transfer coding"));
        }
        // Two lengths, or chunks from a time before them: the next answer could be part of this one.
        return Ok((Framing::chunked(), is_last || length.is_some() || version == 0));
    }
    Ok(match length {
        Some(length) => (Framing::of_length(length), is_last),
        None => (Framing::until_the_end(), true),
    })
}

/// `Content-Length`: said once, or the same again and again (RFC 9112 section 6.3).
fn length(fields: &Fields) -> Result<Option<u64>, Error> {
    let mut length = None;
    for text in fields.all(&header::CONTENT_LENGTH).flat_map(|value| value.split(|byte| *byte == b',')) {
        let text = text.trim_ascii();
        let number = str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number: u64 = number.and_then(|text| text.parse().ok()).ok_or(Error::Framing("its length is no number"))?;
        if length.is_some_and(|known| known != number) {
            return Err(Error::Framing("it has two lengths"));
        }
        length = Some(number);
    }
    Ok(length)
}

/// The members of a list of tokens (RFC 9110 section 5.6.1).
fn tokens<'f>(fields: &'f Fields, name: &'f HeaderName) -> impl Iterator<Item = &'f [u8]> {
    let members = fields.all(name).flat_map(|value| value.split(|byte| *byte == b','));
    members.map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}
