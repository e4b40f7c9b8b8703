//! Where the body of an answer ends (RFC 9112 section 6.3), and what has come of it.

use bytes::{Bytes, BytesMut};

use super::chunks::Chunks;
use super::error::Error;

/// Read at once where it is not known how much there is.
const SOME: usize = 16 << 10;

/// How the end of a body is told, and how far it is.
pub(super) enum Framing {
    /// So long, of which so much has come: it stands at the beginning of what was read.
    Length { size: u64, came: u64 },
    /// As long as the connection, of which so much has come.
    End { came: usize, is_over: bool },
    /// In chunks.
    Chunked(Chunks),
}

impl Framing {
    /// So many bytes.
    pub(super) fn of_length(size: u64) -> Self {
        Self::Length { size, came: 0 }
    }

    /// Until the connection ends.
    pub(super) fn until_the_end() -> Self {
        Self::End { came: 0, is_over: false }
    }

    /// In chunks.
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunks::default())
    }

    /// The length, where it is known beforehand.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Length { size, .. } => Some(*size),
            Self::End { .. } | Self::Chunked(_) => None,
        }
    }

    /// Is the body whole?
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Length { size, came } => size == came,
            Self::End { is_over, .. } => *is_over,
            Self::Chunked(chunks) => chunks.is_over(),
        }
    }

    /// How many bytes there should be room for.
    pub(super) fn wants(&self) -> usize {
        match self {
            // More than memory can hold is refused before it comes to this.
            Self::Length { size, came } => usize::try_from(size - came).unwrap_or(usize::MAX),
            Self::End { .. } | Self::Chunked(_) => SOME,
        }
    }

    /// Look at what was read: how many bytes of the body are new.
    ///
    /// # Errors
    /// They are none of a body.
    pub(super) fn advance(&mut self, read: &mut BytesMut) -> Result<usize, Error> {
        match self {
            Self::Length { size, came } => {
                let before = *came;
                *came = (read.len() as u64).min(*size);
                Ok(usize::try_from(*came - before).unwrap_or(usize::MAX))
            }
            Self::End { came, .. } => {
                let before = std::mem::replace(came, read.len());
                Ok(*came - before)
            }
            Self::Chunked(chunks) => chunks.advance(read),
        }
    }

    /// There will be nothing more.
    ///
    /// # Errors
    /// There should have been.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match self {
            Self::End { is_over, .. } => {
                *is_over = true;
                Ok(())
            }
            Self::Length { .. } | Self::Chunked(_) => Err(Error::Closed),
        }
    }

    /// What has come of the body; to be asked once.
    pub(super) fn take(&mut self, read: &mut BytesMut) -> Bytes {
        match self {
            Self::Length { came, .. } => read.split_to(usize::try_from(*came).unwrap_or_default()).freeze(),
            Self::End { .. } => read.split().freeze(),
            Self::Chunked(chunks) => chunks.take(),
        }
    }
}
