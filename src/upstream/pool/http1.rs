//! One connection of HTTP/1.1, driven by the call that uses it.
//!
//! It has no task of its own: the answer wakes the call that waits for it, and not first a task that then wakes the call.
//! While it is idle nobody is woken for it; what happened meanwhile is seen by whoever looks at it next.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};

use super::super::connector::Connected;

type Outgoing = Full<Bytes>;

/// See the module.
pub(super) struct Http1 {
    sender: http1::SendRequest<Outgoing>,
    /// `None` once it is over.
    connection: Option<http1::Connection<Connected, Outgoing>>,
}

impl Http1 {
    /// A connection after its handshake.
    pub(super) fn new(
        sender: http1::SendRequest<Outgoing>,
        connection: http1::Connection<Connected, Outgoing>,
    ) -> Self {
        Self { sender, connection: Some(connection) }
    }

    /// Send a request and wait for the head of its answer. Dropping the future leaves the connection in the middle of an
    /// exchange: then it must go too.
    ///
    /// # Errors
    /// There is no answer; with the request, if nothing of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| {
            drive(&mut self.connection, cx);
            // Only the connection brings it, and that wakes the call already.
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
        .await
    }

    /// The next frame of an answer of this connection.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut quiet = Context::from_waker(Waker::noop());
        // What came along with the head is there already.
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut quiet) {
            return Poll::Ready(frame);
        }
        drive(&mut self.connection, cx);
        Pin::new(body).poll_frame(&mut quiet)
    }

    /// Can another request be sent?
    pub(super) fn is_ready(&mut self) -> bool {
        drive(&mut self.connection, &mut Context::from_waker(Waker::noop()));
        self.sender.is_ready()
    }
}

/// Let the connection read and write what can be read and written now. Once it is over it is dropped, which tells
/// whoever waits for an answer of it.
fn drive(connection: &mut Option<http1::Connection<Connected, Outgoing>>, cx: &mut Context<'_>) {
    let Some(running) = connection else { return };
    if let Poll::Ready(ended) = Pin::new(running).poll(cx) {
        if let Err(error) = ended {
            // Whoever waits for an answer on it is told by itself.
            tracing::debug!(%error, "a connection to an upstream ended");
        }
        *connection = None;
    }
}
