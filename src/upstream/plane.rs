//! The one request and the one answer type of the REST plane.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::StatusCode;
use tokio::time::Instant;

pub(super) use super::call_info::CallInfo;
pub(super) use super::destination::Destination;
use super::failure::Failure;
use super::fields::Fields;
use super::lane::Slot;
use super::message::Outgoing;
use super::pool::Reading;
use super::trial::Trial;
use crate::account::Account;
use crate::trace::TraceParent;

/// A request of the REST plane.
pub(super) struct Request {
    /// The HTTP request.
    pub(super) http: Outgoing,
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
    /// When it is sent.
    pub(super) begun: Instant,
}

/// An answer of the REST plane; its body is still to be read.
pub(super) struct Answer {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its header fields.
    pub(super) fields: Fields,
    /// Its body.
    pub(super) body: Body,
    /// What is left of the limit nearest to exhaustion, if it says so.
    pub(super) remaining: Option<u64>,
    /// Which request of the call it answers; `errand` says it.
    pub(super) ticket: usize,
    /// When its head was there.
    pub(super) at: Instant,
}

/// The body of an answer, and what is given back once it is read to its end or dropped.
pub(super) struct Body {
    reading: Reading,
    slot: Option<Slot>,
    trial: Option<Trial>,
}

impl Body {
    /// A body that is still to be read.
    pub(super) fn new(reading: Reading) -> Self {
        Self { reading, slot: None, trial: None }
    }

    /// Whether this body comes to its end decides the trial.
    pub(super) fn watch(&mut self, trial: Trial) {
        self.trial = Some(trial);
    }

    /// Keep the request's slot for as long as the upstream is at work on its answer.
    pub(super) fn hold(&mut self, slot: Option<Slot>) {
        self.slot = slot;
    }

    /// How long it is, where that is known.
    pub(super) fn size(&self) -> Option<u64> {
        self.reading.size()
    }

    /// Read more of it: how many bytes came, `None` at its end.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<usize, Failure>>> {
        self.reading.poll_more(cx)
    }

    /// All of it, which was there at this time. Its connection may be used again.
    pub(super) fn whole(&mut self, at: Instant) -> Bytes {
        self.end(at, true)
    }

    /// What has come of one that broke off.
    pub(super) fn broken(&mut self, at: Instant) -> Bytes {
        self.end(at, false)
    }

    fn end(&mut self, at: Instant, is_whole: bool) -> Bytes {
        if let Some(trial) = self.trial.take() {
            trial.read(is_whole, at);
        }
        let bytes = self.reading.take(at);
        // Last, so that whoever gets the slot finds the connection.
        self.slot = None;
        bytes
    }
}
