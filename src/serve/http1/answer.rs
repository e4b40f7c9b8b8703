//! An answer on its way out: the head and what is small of the body in one piece, what is large as it is.

use std::{
    convert::Infallible,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, header};
use http_body::Body;
use tokio::io::AsyncWrite;

use super::date;
use crate::decimal::Decimal;
use crate::room::written;
use crate::spare;

/// Room for a head: the usual one is half of it.
const HEAD: usize = 512;

/// Bytes of a body that are copied behind its head: below, one more piece costs more than its copy.
const COPIED: usize = 3 << 10;

/// Most pieces that are written at once: more than most answers have, for the last of them must not wait for a write of its
/// own.
const PIECES: usize = 8;

/// From so many bytes on what there is is written before more is made, which bounds what is held of what is made as it is
/// sent. Fewer bytes at once wake the peer more often.
const ENOUGH: usize = 128 << 10;

/// An answer that is not wholly written.
pub(super) struct Answer<B> {
    /// Pieces that wait to be written.
    waiting: [Bytes; PIECES],
    /// How many.
    count: usize,
    /// What more there is.
    body: B,
    is_made: bool,
    /// Does the connection end with it?
    pub(super) is_last: bool,
}

impl<B: Body<Data = Bytes, Error = Infallible> + Unpin> Answer<B> {
    /// This response, and whether it `is_last` on its connection.
    pub(super) fn new(response: Response<B>, is_last: bool, cx: &mut Context<'_>) -> Self {
        let (parts, body) = response.into_parts();
        let has_body = !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let length = body.size_hint().exact();
        // A body of unknown length lasts until its connection ends (RFC 9112 section 6.3).
        let is_last = is_last || closes(&parts.headers) || (has_body && length.is_none());
        let mut answer = Self { waiting: Default::default(), count: 0, body, is_made: !has_body, is_last };
        let copied = length.and_then(|length| usize::try_from(length).ok()).map_or(COPIED, |length| length.min(COPIED));
        let mut large = None;
        let first = written(HEAD + copied, |out| {
            write_head(out, parts.status, &parts.headers, length.filter(|_| has_body), is_last);
            large = answer.copy(out, cx);
        });
        spare::put_away(parts.headers);
        [Some(first), large].into_iter().flatten().for_each(|piece| answer.push(piece));
        answer
    }

    /// Copy what is there of the body; what is too large for that comes back.
    fn copy(&mut self, out: &mut BytesMut, cx: &mut Context<'_>) -> Option<Bytes> {
        let mut left = COPIED;
        while let Some(piece) = self.next(cx) {
            match left.checked_sub(piece.len()) {
                Some(rest) => left = rest,
                None => return Some(piece),
            }
            out.extend_from_slice(&piece);
        }
        None
    }

    /// The next piece of the body; `None` where there is none, or none yet.
    fn next(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        while !self.is_made {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are for those who asked for them.
                    if let Some(piece) = frame.into_data().ok().filter(|piece| !piece.is_empty()) {
                        return Some(piece);
                    }
                }
                Poll::Ready(Some(Err(never))) => match never {},
                Poll::Ready(None) => self.is_made = true,
                Poll::Pending => return None,
            }
        }
        None
    }

    /// Is it worth asking for one piece more before all that waits is written?
    fn has_room(&self) -> bool {
        let is_nearly_over = || self.body.size_hint().upper().is_some_and(|left| left <= COPIED as u64);
        let waiting = || self.waiting.iter().map(Bytes::len).sum::<usize>();
        self.count < PIECES && !self.is_made && (waiting() < ENOUGH || is_nearly_over())
    }

    fn push(&mut self, piece: Bytes) {
        self.waiting[self.count] = piece;
        self.count += 1;
    }

    /// Write all of it.
    pub(super) fn poll_write<I: AsyncWrite + Unpin>(
        &mut self,
        io: &mut I,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            while self.has_room() {
                match self.next(cx) {
                    Some(piece) => self.push(piece),
                    None => break,
                }
            }
            let io = Pin::new(&mut *io);
            let written = match &self.waiting[..self.count] {
                [] if self.is_made => return Poll::Ready(Ok(())),
                [] => return Poll::Pending,
                [only] => ready!(io.poll_write(cx, only))?,
                _ => {
                    let slices = self.waiting.each_ref().map(|piece| IoSlice::new(piece));
                    ready!(io.poll_write_vectored(cx, &slices[..self.count]))?
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.let_go(written);
        }
    }

    /// So many bytes are written: their room is free from now on.
    fn let_go(&mut self, mut written: usize) {
        let mut gone = 0;
        for piece in &mut self.waiting[..self.count] {
            if written < piece.len() {
                piece.advance(written);
                break;
            }
            written -= mem::take(piece).len();
            gone += 1;
        }
        self.waiting.rotate_left(gone);
        self.count -= gone;
    }
}

/// Does it say that its connection ends?
fn closes(headers: &HeaderMap) -> bool {
    headers.get(header::CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

fn write_head(out: &mut BytesMut, status: StatusCode, headers: &HeaderMap, length: Option<u64>, is_last: bool) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        let reason = status.canonical_reason().unwrap_or_default();
        put(out, &[b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n"]);
    }
    let (mut says_length, mut says_date, mut says_last) = (false, false, false);
    for (name, value) in headers {
        says_length |= name == header::CONTENT_LENGTH;
        says_date |= name == header::DATE;
        says_last |= name == header::CONNECTION;
        put(out, &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    if let Some(length) = length.filter(|_| !says_length) {
        put(out, &[b"content-length: ", Decimal::of(length).as_str().as_bytes(), b"\r\n"]);
    }
    if is_last && !says_last {
        out.extend_from_slice(b"connection: close\r\n");
    }
    if !says_date {
        out.extend_from_slice(b"date: ");
        date::write(out);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn put(out: &mut BytesMut, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}
