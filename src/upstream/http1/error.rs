//! Why an answer cannot be read.

use std::io;

/// Largest head of an answer, in bytes. hyper allows as much.
pub(super) const LARGEST: usize = 400 << 10;

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Error {
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// The connection was ended before its time.
    #[error("the connection was ended before the answer was whole")]
    Closed,
    /// The head is none of HTTP/1.
    #[error("its head is not of HTTP/1")]
    Head(#[from] httparse::Error),
    /// The head goes on and on.
    #[error("its head is larger than {} KiB", LARGEST >> 10)]
    Large,
    /// It is not said clearly where the body ends, or not in a way that was asked for.
    #[error("its body has no clear end: {0}")]
    Framing(&'static str),
}
