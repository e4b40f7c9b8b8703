//! HTTP/1.1 (RFC 9112) as the client of an API speaks it: one request at a time on a connection, whole bodies both ways,
//! no upgrade, no pipelining.
//!
//! Every call takes this road, and its connection is driven by the call itself: no task of its own, no channel, no map of
//! headers. Whatever is doubtful ends the connection: it is never used again unless request and answer were both whole.

mod chunks;
mod framing;
mod head;
#[cfg(test)]
mod tests;

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::fields::Fields;
use super::message::Outgoing;
use framing::Framing;
pub(super) use head::Error;
use head::Head;

/// Room that is taken at once, in bytes: for head and body of several usual answers.
const BLOCK: usize = 8 << 10;

/// Room for the head of an answer.
const HEAD: usize = 2 << 10;

/// A connection.
pub(super) struct Connection<I> {
    io: I,
    /// The head of the request. Its room is used again.
    head: Vec<u8>,
    /// Bytes of head and body that were written.
    written: usize,
    is_sent: bool,
    /// What was read and not yet taken.
    read: BytesMut,
    framing: Framing,
    may_be_used_again: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Broken {
    /// Did anything of the request leave?
    pub(super) was_sent: bool,
    /// What happened.
    pub(super) error: Error,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Connection<I> {
    /// A connection on which nothing was sent.
    pub(super) fn new(io: I) -> Self {
        Self {
            io,
            head: Vec::new(),
            written: 0,
            is_sent: true,
            read: BytesMut::new(),
            framing: Framing::of_length(0),
            may_be_used_again: true,
        }
    }

    /// Was the last exchange whole, so that there may be another one?
    pub(super) fn is_idle(&self) -> bool {
        self.may_be_used_again && self.is_sent && self.framing.is_over() && self.read.is_empty()
    }

    /// Has the peer neither ended the connection nor said something that nobody asked? Costs no system call unless there is
    /// something.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.poll_more(&mut Context::from_waker(Waker::noop()), HEAD).is_pending()
    }

    /// Send a request and read the head of its answer.
    ///
    /// # Errors
    /// There is no answer.
    pub(super) async fn exchange(&mut self, request: &Outgoing) -> Result<(StatusCode, Fields), Broken> {
        self.head.clear();
        head::write(&mut self.head, request);
        (self.written, self.is_sent) = (0, false);
        poll_fn(|cx| self.poll_exchange(cx, request))
            .await
            .map_err(|error| Broken { was_sent: self.written > 0, error })
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>, request: &Outgoing) -> Poll<Result<(StatusCode, Fields), Error>> {
        // A peer may answer before it has read everything, and end the connection: its answer counts.
        let unsent = match self.poll_send(cx, &request.body) {
            Poll::Ready(sent) => sent.err(),
            Poll::Pending => None,
        };
        loop {
            if let Some(Head { status, fields, framing, is_last }) = head::parse(&mut self.read, &request.method)? {
                (self.framing, self.may_be_used_again) = (framing, !is_last && self.is_sent);
                return Poll::Ready(Ok((status, fields)));
            }
            let read = match (self.poll_more(cx, HEAD), &unsent) {
                (Poll::Pending, None) => return Poll::Pending,
                (Poll::Ready(read), None) => read?,
                // Nothing more was said: what hindered the sending is the cause.
                (Poll::Ready(Ok(read)), Some(_)) if read > 0 => read,
                (_, Some(_)) => 0,
            };
            if read == 0 {
                return Poll::Ready(Err(unsent.map_or(Error::Closed, Error::Io)));
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, body: &Bytes) -> Poll<io::Result<()>> {
        while self.written < self.head.len() + body.len() {
            let io = Pin::new(&mut self.io);
            let written = match self.head.get(self.written..).unwrap_or_default() {
                [] => io.poll_write(cx, &body[self.written - self.head.len()..]),
                head if body.is_empty() => io.poll_write(cx, head),
                head => io.poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)]),
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        if !self.is_sent {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.is_sent = true;
        }
        Poll::Ready(Ok(()))
    }

    /// How long the body of the answer is, where its head says so.
    pub(super) fn size(&self) -> Option<u64> {
        self.framing.size()
    }

    /// Read more of the body of the answer: how many bytes came, `None` at its end. [`Connection::take`] gives them.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<usize, Error>>> {
        loop {
            match self.framing.advance(&mut self.read) {
                Ok(0) if self.framing.is_over() => return Poll::Ready(None),
                Ok(0) => {}
                came => return Poll::Ready(Some(came)),
            }
            let read = ready!(self.poll_more(cx, self.framing.wants()));
            let went_on = match read {
                Ok(0) => self.framing.end(),
                Ok(_) => Ok(()),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = went_on {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// What has come of the body of the answer; to be asked once, when that is enough.
    pub(super) fn take(&mut self) -> Bytes {
        let body = self.framing.take(&mut self.read);
        if body.len() > BLOCK {
            // What is left of its room would keep all of it.
            self.read = BytesMut::from(&self.read[..]);
        }
        body
    }

    /// Read what there is, into room for at least so much.
    fn poll_more(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<usize>> {
        if self.read.capacity() - self.read.len() < room {
            self.read.reserve(room.max(BLOCK));
        }
        pin!(self.io.read_buf(&mut self.read)).poll(cx)
    }
}
