//! HTTP/1.1 (RFC 9112) as nearly every request of an agent comes: a head as the grammar has it, and a small body of a known
//! length. Every call takes this road, so it is read and answered here, in the connection's own task, with room that is
//! shared by all connections of a thread.
//!
//! Whatever else comes (HTTP/2 and 1.0, chunks, large uploads, `Expect`, another protocol, what is dribbled, what is no HTTP)
//! is not judged here: the connection goes to hyper with all that was read, and stays there. So what is refused, and how, is
//! decided once, and what is understood here must be what hyper would have understood.

mod answer;
mod date;
mod head;
mod input;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    future::Future,
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::service::Service;
use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Sleep, sleep},
};

use super::{
    connection::{Ear, Listener, Word},
    idle::Note,
    incoming::Incoming,
};
use answer::Answer;
use head::Missing;

use crate::room;

/// How long the rest of a request may take that was begun. Many clients send head and body apart, the one right after the
/// other; who needs longer is hyper's.
const SOON: Duration = Duration::from_secs(1);

/// As how many parts a request may come. Every one of a head is looked at from its beginning: who dribbles is hyper's.
const PARTS: u8 = 8;

/// Most bytes that are read of further requests while one is at work.
const AHEAD: usize = head::LARGEST_HEAD + head::LARGEST_BODY;

/// How a connection ended here.
pub(super) enum Ended<I, S> {
    /// It is over.
    Over,
    /// It goes on elsewhere: its road, what was read of it and not answered, and what there is to come.
    Handed(S, Bytes, I),
}

pin_project! {
    /// A connection: hears a request, has it answered, and hears the next one.
    pub(super) struct Connection<I, S, F, B> {
        line: Line<I>,
        // Until it is handed over.
        road: Option<S>,
        #[pin]
        at: At<F, B>,
    }
}

pin_project! {
    /// What a connection is at.
    #[project = Now]
    enum At<F, B> {
        Listening,
        Calling { #[pin] answer: F },
        Answering { answer: Answer<B> },
        Ending,
    }
}

impl<I, S, B> Connection<I, S, S::Future, B>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    /// A connection on which nothing was heard. It notes how long it waits, up to `idle`, and ends when it gets the word.
    pub(super) fn new(io: I, road: S, ear: Ear, (note, idle): (Note, Duration), word: Word) -> Self {
        let end = Listener::new(word);
        let line = Line { io: Some(io), data: Bytes::new(), ear, note, idle, begun: None, end, is_last: false };
        Self { line, road: Some(road), at: At::Listening }
    }
}

impl<I, S, B> Future for Connection<I, S, S::Future, B>
where
    I: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes, Error = Infallible> + Unpin,
{
    type Output = Ended<I, S>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<I, S>> {
        let mut this = self.project();
        let line = this.line;
        line.is_last |= line.end.is_given(cx);
        loop {
            match this.at.as_mut().project() {
                Now::Listening => match ready!(line.poll_request(cx)) {
                    Came::Request(request) => {
                        let road = this.road.as_ref().expect("a connection that was handed over is not asked again");
                        this.at.set(At::Calling { answer: road.call(request) });
                    }
                    Came::Nothing => return Poll::Ready(Ended::Over),
                    Came::Unusual => {
                        let handed = this.road.take().zip(line.io.take());
                        let (road, io) = handed.expect("a connection is handed over once");
                        return Poll::Ready(Ended::Handed(road, mem::take(&mut line.data), io));
                    }
                },
                Now::Calling { answer } => match answer.poll(cx) {
                    Poll::Ready(Ok(response)) => {
                        let answer = Answer::new(response, line.is_last, cx);
                        this.at.set(At::Answering { answer });
                    }
                    Poll::Ready(Err(never)) => match never {},
                    // Who is gone needs no answer: the call ends with its connection.
                    Poll::Pending => return line.poll_gone(cx).map(|()| Ended::Over),
                },
                Now::Answering { answer } => {
                    let written = ready!(answer.poll_write(line.io(), cx));
                    let next = if written.is_err() || answer.is_last { At::Ending } else { At::Listening };
                    this.at.set(next);
                }
                Now::Ending => return Pin::new(line.io()).poll_shutdown(cx).map(|_| Ended::Over),
            }
        }
    }
}

/// What came over a line.
#[expect(clippy::large_enum_variant, reason = "nearly all are requests, and none is kept")]
enum Came {
    /// A request.
    Request(Request<Incoming>),
    /// Nothing more.
    Nothing,
    /// What is hyper's.
    Unusual,
}

/// The wire, and what came over it.
struct Line<I> {
    // Until it is handed over.
    io: Option<I>,
    data: Bytes,
    ear: Ear,
    note: Note,
    idle: Duration,
    begun: Option<Begun>,
    end: Listener,
    /// Does the connection end with the next answer?
    is_last: bool,
}

/// A request that is waited for.
#[derive(Default)]
struct Begun {
    /// As how many parts it came so far.
    parts: u8,
    /// How much of it there must be before it is looked at again.
    needs: usize,
    /// Was its head whole?
    is_heard: bool,
    /// Until when the rest may come, once it was begun.
    soon: Option<Pin<Box<Sleep>>>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Line<I> {
    fn io(&mut self) -> &mut I {
        self.io.as_mut().expect("a connection that was handed over is not asked again")
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        loop {
            if self.data.len() >= self.begun.as_ref().map_or(1, |begun| begun.needs.max(1)) {
                match head::take(&mut self.data) {
                    Ok((request, is_last)) => {
                        self.is_last |= is_last;
                        self.wait_no_more();
                        return Poll::Ready(Came::Request(request));
                    }
                    Err(Missing::Part(wants)) => self.begin(wants),
                    Err(Missing::Unusual) => return Poll::Ready(self.unusual()),
                }
            }
            if self.begun.is_none() {
                self.note.wait(self.idle);
            }
            let begun = self.begun.get_or_insert_default();
            if begun.parts > PARTS {
                return Poll::Ready(self.unusual());
            }
            let wanted = if begun.is_heard { begun.needs - self.data.len() } else { room::READ };
            match self.poll_more(wanted, cx) {
                Poll::Ready(Ok(1..)) => {}
                // What breaks off is hyper's to refuse.
                Poll::Ready(Ok(0)) if !self.data.is_empty() => return Poll::Ready(self.unusual()),
                Poll::Ready(_) => return Poll::Ready(Came::Nothing),
                Poll::Pending => return self.poll_patience(cx),
            }
        }
    }

    /// Less than a request is there.
    fn begin(&mut self, wants: Option<usize>) {
        if wants.is_some() {
            self.ear.hear();
        }
        let begun = self.begun.get_or_insert_default();
        begun.parts += 1;
        (begun.needs, begun.is_heard) = (wants.unwrap_or(self.data.len() + 1), wants.is_some());
    }

    /// There is nothing more for now: is it worth waiting for?
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        let begun = self.begun.get_or_insert_default();
        if self.data.is_empty() {
            return if self.is_last { Poll::Ready(Came::Nothing) } else { Poll::Pending };
        }
        let soon = begun.soon.get_or_insert_with(|| Box::pin(sleep(SOON)));
        // In the end only a request whose head was heard is waited for.
        if soon.as_mut().poll(cx).is_ready() || self.is_last && !begun.is_heard {
            return Poll::Ready(self.unusual());
        }
        Poll::Pending
    }

    /// hyper waits for itself.
    fn unusual(&mut self) -> Came {
        self.wait_no_more();
        Came::Unusual
    }

    fn wait_no_more(&mut self) {
        if self.begun.take().is_some() {
            self.note.over();
        }
    }

    /// Comes back when the peer is gone.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.data.len() < AHEAD {
            let room = room::READ.min(AHEAD - self.data.len());
            match ready!(self.poll_more(room, cx)) {
                Ok(1..) => {}
                _ => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    fn poll_more(&mut self, wanted: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let io = self.io.as_mut().expect("a connection that was handed over is not asked again");
        input::poll_more(&mut self.data, io, wanted, cx)
    }
}
