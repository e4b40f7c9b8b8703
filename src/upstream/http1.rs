//! HTTP/1.1 (RFC 9112) as the client of an API speaks it: one request at a time on a connection, whole bodies both ways,
//! no upgrade, no pipelining.
//!
//! Every call takes this road, and its connection is driven by the call itself: no task of its own, no channel, no map of
//! headers. Whatever is doubtful ends the connection: it is never used again unless request and answer were both whole.

mod chunks;
mod error;
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
use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::fields::Fields;
use super::message::Outgoing;
use crate::room;
pub(super) use error::Error;
use framing::Framing;
use head::Head;

/// Room that is taken at once, in bytes: for head and body of several usual answers.
const BLOCK: usize = 8 << 10;

/// Room for the head of an answer.
const HEAD: usize = 2 << 10;

/// A connection.
pub(super) struct Connection<I> {
    io: I,
    is_encrypted: bool,
    /// The head of the request. Its room is used again.
    head: Vec<u8>,
    /// Bytes of head and body that were written.
    written: usize,
    is_sent: bool,
    /// What it asks for: there are answers without a body.
    method: Method,
    /// The head of the answer, until it is asked for.
    answered: Option<Head>,
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
    /// A connection on which nothing was sent. Is it `encrypted`? Then a write that fails may have been sent in part.
    pub(super) fn new(io: I, is_encrypted: bool) -> Self {
        Self {
            io,
            is_encrypted,
            head: Vec::new(),
            written: 0,
            is_sent: true,
            method: Method::GET,
            answered: None,
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

    /// Send a request. It may end before all is written: an answer that comes before counts.
    ///
    /// # Errors
    /// It could not be sent.
    pub(super) async fn send(&mut self, request: &Outgoing) -> Result<(), Broken> {
        self.head.clear();
        head::write(&mut self.head, request);
        (self.written, self.is_sent, self.method) = (0, false, request.method.clone());
        let sent = poll_fn(|cx| self.poll_send(cx, &request.body)).await;
        sent.map_err(|error| Broken { was_sent: self.written > 0 || self.is_encrypted, error })
    }

    /// Read the head of the answer.
    ///
    /// # Errors
    /// There is no answer.
    pub(super) async fn answer(&mut self) -> Result<(StatusCode, Fields), Error> {
        poll_fn(|cx| self.poll_answer(cx)).await
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, body: &Bytes) -> Poll<Result<(), Error>> {
        match self.poll_write(cx, body) {
            Poll::Ready(Err(error)) => {
                // Whoever has answered may have ended the connection for its part.
                let answered = self.written > 0 && matches!(self.poll_head(cx), Poll::Ready(Ok(())));
                Poll::Ready(if answered { Ok(()) } else { Err(error.into()) })
            }
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Pending => {
                ready!(self.poll_head(cx))?;
                // Whoever refuses needs no more of it; whoever began to answer may want the rest first.
                let is_refused = self.answered.as_ref().is_some_and(|head| head.is_last || !head.status.is_success());
                if is_refused { Poll::Ready(Ok(())) } else { Poll::Pending }
            }
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(StatusCode, Fields), Error>> {
        ready!(self.poll_head(cx))?;
        let Head { status, fields, framing, is_last } = self.answered.take().ok_or(Error::Closed)?;
        (self.framing, self.may_be_used_again) = (framing, !is_last && self.is_sent);
        Poll::Ready(Ok((status, fields)))
    }

    /// Read on until the head of the answer is there.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.answered.is_none() {
            self.answered = head::parse(&mut self.read, self.method == Method::HEAD)?;
            if self.answered.is_none() && ready!(self.poll_more(cx, HEAD))? == 0 {
                return Poll::Ready(Err(Error::Closed));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, body: &Bytes) -> Poll<io::Result<()>> {
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
        if body.len() > BLOCK || self.read.is_empty() {
            // What is left of its room would keep all of it, and a connection that is idle needs none.
            self.read = BytesMut::from(&self.read[..]);
        }
        body
    }

    /// Read what there is, into room for at least so much.
    fn poll_more(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        if self.read.is_empty() && wanted <= room::READ {
            self.read = ready!(room::poll_read(&mut self.io, cx))?;
            return Poll::Ready(Ok(self.read.len()));
        }
        if self.read.capacity() - self.read.len() < wanted {
            self.grow(wanted.max(BLOCK));
        }
        pin!(self.io.read_buf(&mut self.read)).poll(cx)
    }

    fn grow(&mut self, by: usize) {
        if self.read.len() > room::READ_BLOCK {
            return self.read.reserve(by);
        }
        // It may be a piece of what all connections share: to reserve would take as much again.
        let mut own = BytesMut::with_capacity(self.read.len() + by);
        own.extend_from_slice(&self.read);
        self.read = own;
    }
}
