//! Reading an answer off a connection, and judging it.
//!
//! By hand, because the load generator shares its core with the upstream: whatever it spends, the contenders wait for.

use memchr::memmem;

use crate::exchange::{Exchange, query};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes are to come.
    Sized(usize),
    /// Chunks are to come (RFC 9112, 7.1).
    Chunked(Chunk),
}

/// Where in a chunked body the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// In the line with the size, which so far is this.
    Size(usize),
    /// So many bytes of the chunk and its line end are to come.
    Data(usize),
    /// Behind the last chunk, with so many bytes of the last line end to come.
    End(usize),
}

impl Body {
    /// Goes on over `bytes`; whether the body ends with them.
    ///
    /// # Errors
    /// If there is more than the body.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<bool, String> {
        match self {
            Self::Sized(left) => {
                *left = left
                    .checked_sub(bytes.len())
                    .ok_or_else(|| format!("expected one answer, got {} more bytes", bytes.len() - *left))?;
                Ok(*left == 0)
            }
            Self::Chunked(chunk) => chunk.take(bytes),
        }
    }
}

impl Chunk {
    fn take(&mut self, mut bytes: &[u8]) -> Result<bool, String> {
        while let Some((&first, rest)) = bytes.split_first() {
            (*self, bytes) = match *self {
                Self::Size(0) if first == b'\n' => (Self::End(2), rest),
                Self::Size(size) if first == b'\n' => (Self::Data(size + 2), rest),
                Self::Size(size) => match char::from(first).to_digit(16) {
                    Some(digit) => (Self::Size(size * 16 + digit as usize), rest),
                    None => (Self::Size(size), rest),
                },
                Self::Data(left) => {
                    let taken = left.min(bytes.len());
                    (if taken == left { Self::Size(0) } else { Self::Data(left - taken) }, &bytes[taken..])
                }
                Self::End(0) => return Err(format!("expected one answer, got {} more bytes", bytes.len())),
                Self::End(left) => (Self::End(left - 1), rest),
            };
        }
        Ok(*self == Self::End(0))
    }
}

/// The length of the head of an answer, and its body; `None` while the head is not whole.
///
/// # Errors
/// What is wrong with the answer: a status other than 200, or a body whose end is not said.
pub(crate) fn head(read: &[u8]) -> Result<Option<(usize, Body)>, String> {
    let Some(length) = memmem::find(read, b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    if !read.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("expected status 200, got: {}", String::from_utf8_lossy(read)));
    }
    let head = &read[..length];
    let body = match field(head, b"content-length:") {
        Some(value) => Body::Sized(value.parse().map_err(|_| format!("expected a length, got {value}"))?),
        None if field(head, b"transfer-encoding:") == Some("chunked") => Body::Chunked(Chunk::Size(0)),
        None => return Err(format!("expected the body's length, got: {}", String::from_utf8_lossy(head))),
    };
    Ok(Some((length, body)))
}

fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    head.split(|&byte| byte == b'\n')
        .find(|line| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
        .and_then(|line| Some(std::str::from_utf8(&line[name.len()..]).ok()?.trim()))
}

/// Judges the answer to the call with this number, by the beginning and the end of its body: a failure is often faster
/// than an answer, and so is an answer out of a memory.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn judge(front: &[u8], end: &[u8], exchange: &Exchange, number: u64) -> Result<(), String> {
    let right = memmem::find(front, exchange.holds.as_bytes()).is_some()
        && (!exchange.echoes || memmem::find(front, &query(number)).is_some())
        && memmem::find(end, br#""isError":true"#).is_none();
    if right {
        return Ok(());
    }
    let [front, end] = [front, end].map(String::from_utf8_lossy);
    Err(format!("expected {} and the query of call {number}, got: {front} … {end}", exchange.holds))
}
