//! The chunked transfer coding (RFC 9112 section 7.1), read as far as it has come.

use bytes::{Buf as _, Bytes, BytesMut};

use super::error::Error;

/// Longest line that says how large a chunk is, its extensions too.
const LONGEST_LINE: usize = 4 << 10;

/// Longest trailer section. Nobody reads it.
const LONGEST_TRAILERS: usize = 16 << 10;

/// A body that comes in chunks.
#[derive(Default)]
pub(super) struct Chunks {
    next: Next,
    data: BytesMut,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// The size of a chunk.
    #[default]
    Size,
    /// So much of a chunk.
    Data(u64),
    /// The line's end behind a chunk.
    LineEnd,
    /// The trailer section, of which so much was there.
    Trailers(usize),
    /// Nothing.
    Nothing,
}

impl Chunks {
    /// Has the last chunk come, and all behind it?
    pub(super) fn is_over(&self) -> bool {
        self.next == Next::Nothing
    }

    /// What has come of the body, and all its room: an idle connection keeps none of it.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.data).freeze()
    }

    /// Take what there is off `read`: how many bytes of the body are new.
    ///
    /// # Errors
    /// It is not in chunks.
    pub(super) fn advance(&mut self, read: &mut BytesMut) -> Result<usize, Error> {
        let before = self.data.len();
        loop {
            let next = match self.next {
                Next::Size => size(read)?,
                Next::Data(0) => Some(Next::LineEnd),
                Next::Data(left) => {
                    let piece = usize::try_from(left).unwrap_or(usize::MAX).min(read.len());
                    self.data.extend_from_slice(&read[..piece]);
                    read.advance(piece);
                    (piece > 0).then_some(Next::Data(left - piece as u64))
                }
                Next::LineEnd => line_end(read)?,
                Next::Trailers(length) => trailer(read, length)?,
                Next::Nothing => None,
            };
            match next {
                Some(next) => self.next = next,
                None => return Ok(self.data.len() - before),
            }
        }
    }
}

fn size(read: &mut BytesMut) -> Result<Option<Next>, Error> {
    // httparse takes a line without digits for a zero, which would end the body.
    if read.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return Err(Error::Framing("expected the size of a chunk"));
    }
    match httparse::parse_chunk_size(read) {
        Ok(httparse::Status::Complete((line, size))) => {
            read.advance(line);
            Ok(Some(if size == 0 { Next::Trailers(0) } else { Next::Data(size) }))
        }
        Ok(httparse::Status::Partial) if read.len() <= LONGEST_LINE => Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => Err(Error::Framing("expected the size of a chunk")),
    }
}

fn line_end(read: &mut BytesMut) -> Result<Option<Next>, Error> {
    match read.get(..2) {
        Some(b"\r\n") => {
            read.advance(2);
            Ok(Some(Next::Size))
        }
        None if b"\r\n".starts_with(read) => Ok(None),
        _ => Err(Error::Framing("a chunk is longer than its size")),
    }
}

/// A line of the trailer section; the empty one is its end.
fn trailer(read: &mut BytesMut, before: usize) -> Result<Option<Next>, Error> {
    let end = read.windows(2).position(|two| two == b"\r\n");
    if before + end.unwrap_or(read.len()) > LONGEST_TRAILERS {
        return Err(Error::Framing("its trailers are too long"));
    }
    let Some(end) = end else { return Ok(None) };
    read.advance(end + 2);
    Ok(Some(if end == 0 { Next::Nothing } else { Next::Trailers(before + end + 2) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_leaves_no_room_behind() {
        let mut chunks = Chunks::default();
        let mut read = BytesMut::from(&b"5\r\nabcde\r\n0\r\n\r\n"[..]);
        assert_eq!(chunks.advance(&mut read).unwrap(), 5);
        assert!(chunks.is_over() && read.is_empty());
        assert_eq!(chunks.take(), "abcde");
        assert_eq!(chunks.data.capacity(), 0);
    }
}
