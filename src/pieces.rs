//! The pieces in which a body arrives, made one text.

use bytes::{Bytes, BytesMut};

/// A single piece is moved, several are copied once into room of the right size.
#[derive(Debug, Default)]
pub struct Pieces {
    expected: Option<usize>,
    first: Bytes,
    joined: BytesMut,
}

impl Pieces {
    /// No piece yet, of so many bytes in all if that is known. It must be true: room is made for so much.
    #[must_use]
    pub fn expecting(expected: Option<usize>) -> Self {
        Self { expected, ..Self::default() }
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    /// Is there nothing yet?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next piece.
    pub fn push(&mut self, data: Bytes) {
        if self.is_empty() {
            self.first = data;
            return;
        }
        if self.joined.is_empty() {
            self.joined.reserve(self.expected.unwrap_or(self.first.len() + data.len()));
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&data);
    }

    /// All of it.
    #[must_use]
    pub fn whole(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}
