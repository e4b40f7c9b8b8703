//! The body of an answer, read from its connection.

use std::{
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::super::failure::Failure;
use super::host::{Host, Http1};
use crate::causes::causes;
use crate::pieces::Pieces;

/// A body on its way.
pub(in super::super) enum Reading {
    /// Over a connection of its own.
    Own {
        /// The connection.
        connection: Box<Http1>,
        /// Keeps it.
        host: Arc<Host>,
    },
    /// Over one that others use too.
    Shared(Box<Shared>),
    /// It was taken.
    Over,
}

/// A body of hyper's.
pub(in super::super) struct Shared {
    /// The rest of it.
    body: Incoming,
    /// What has come.
    pieces: Pieces,
    /// How long it is, where that is known.
    size: Option<u64>,
}

impl Reading {
    /// What comes next over this connection, which its host may keep when all has come.
    pub(super) fn own(connection: Box<Http1>, host: Arc<Host>) -> Self {
        Self::Own { connection, host }
    }

    /// A body of hyper's.
    pub(super) fn shared(body: Incoming) -> Self {
        let size = body.size_hint().exact();
        let pieces = Pieces::expecting(size.and_then(|size| usize::try_from(size).ok()));
        Self::Shared(Box::new(Shared { body, pieces, size }))
    }

    /// How long it is, where that is known.
    pub(in super::super) fn size(&self) -> Option<u64> {
        match self {
            Self::Own { connection, .. } => connection.size(),
            Self::Shared(shared) => shared.size,
            Self::Over => Some(0),
        }
    }

    /// Read more: how many bytes came, `None` at the end.
    pub(in super::super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<usize, Failure>>> {
        Poll::Ready(match self {
            Self::Own { connection, .. } => {
                ready!(connection.poll_body(cx)).map(|came| came.map_err(|error| broken(&error)))
            }
            Self::Shared(shared) => match ready!(Pin::new(&mut shared.body).poll_frame(cx)) {
                None => None,
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    let came = data.len();
                    shared.pieces.push(data);
                    Some(Ok(came))
                }
                Some(Err(error)) => Some(Err(broken(&error))),
            },
            Self::Over => None,
        })
    }

    /// What has come until now. The connection is used again if that is all.
    pub(in super::super) fn take(&mut self, now: Instant) -> Bytes {
        match mem::replace(self, Self::Over) {
            Self::Own { mut connection, host } => {
                let bytes = connection.take();
                if connection.is_idle() {
                    host.keep(connection, now);
                }
                bytes
            }
            Self::Shared(shared) => shared.pieces.whole(),
            Self::Over => Bytes::new(),
        }
    }
}

fn broken(error: &dyn std::error::Error) -> Failure {
    Failure::Incomplete(format!("the answer broke off: {}", causes(error)))
}
