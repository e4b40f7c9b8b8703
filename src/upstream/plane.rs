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

pub(super) use super::call_info::CallInfo;
pub(super) use super::destination::Destination;
use super::lane::Slot;
use super::pool::Lease;
use super::trial::Trial;
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
    lease: Option<Lease>,
}

impl Body {
    /// A body, and the connection it comes over if that can be used again.
    pub(super) fn new(inner: Incoming, lease: Option<Lease>) -> Self {
        Self { inner, slot: None, trial: None, lease }
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
        let this = &mut *self;
        let frame = match &mut this.lease {
            Some(lease) => ready!(lease.poll_frame(&mut this.inner, cx)),
            None => ready!(Pin::new(&mut this.inner).poll_frame(cx)),
        };
        if !matches!(frame, Some(Ok(_))) {
            this.slot = None;
            if let Some(lease) = this.lease.take()
                && frame.is_none()
            {
                lease.end();
            }
            if let Some(trial) = this.trial.take() {
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
