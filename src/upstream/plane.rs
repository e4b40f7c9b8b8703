//! The one request and the one answer type of the REST plane.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::breaker::Trial;
use super::lane::Slot;
use super::line::Line;
use super::meter::Meter;

use crate::account::Account;
use crate::trace::TraceParent;

/// A request of the REST plane.
pub(super) struct Request {
    /// The HTTP request.
    pub(super) http: http::Request<Full<Bytes>>,
    /// The account it is made for.
    pub(super) account: Arc<Account>,
    /// Does it go to the account's API, or elsewhere?
    pub(super) destination: Destination,
    /// The request's place in its trace.
    pub(super) trace: TraceParent,
    /// The call behind it.
    pub(super) call: Arc<CallInfo>,
    /// Which request of the call it is.
    pub(super) ticket: usize,
}

/// What the layers have to know of the call behind a request; all requests of a call share it.
#[derive(Debug)]
pub(super) struct CallInfo {
    /// Id of the MCP server that the call came to.
    pub(super) server: Arc<str>,
    /// Does the call only read?
    pub(super) read_only: bool,
    /// When the call has to have its answer.
    pub(super) deadline: Instant,
    /// The line to the account.
    pub(super) line: Arc<Line>,
    /// Counts what the call takes.
    pub(super) meter: Meter,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// To the API of the account.
    Account,
    /// Where a redirect points: nothing of the account may go there.
    Elsewhere,
}

/// An answer of the REST plane; its body is still to be read.
pub(super) struct Answer {
    /// The HTTP response.
    pub(super) http: http::Response<Body>,
    /// What is left of the limit nearest to exhaustion, if it says so.
    pub(super) remaining: Option<u64>,
    /// Which request of the call it answers; `errand` says it.
    pub(super) ticket: usize,
}

/// The body of an answer, and what is given back once it is read to its end or dropped.
#[derive(Debug)]
pub(super) struct Body {
    inner: Incoming,
    slot: Option<Slot>,
    trial: Option<Trial>,
}

impl Body {
    /// A body that holds nothing yet.
    pub(super) fn new(inner: Incoming) -> Self {
        Self { inner, slot: None, trial: None }
    }

    /// Whether this body comes to its end decides the trial.
    pub(super) fn watch(&mut self, trial: Trial) {
        self.trial = Some(trial);
    }

    /// Keep the request's slot for as long as the upstream is at work on its answer.
    pub(super) fn hold(&mut self, slot: Option<Slot>) {
        self.slot = slot;
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.slot = None;
            if let Some(trial) = self.trial.take() {
                trial.read(frame.is_none());
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
