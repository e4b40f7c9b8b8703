//! The one request and the one answer type of the REST plane.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;

use crate::account::Account;
use crate::budget::Budget;
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
    pub(super) http: http::Response<Incoming>,
    /// What it says of rate limits.
    pub(super) budget: Budget,
    /// Which request of the call it answers; `errand` says it.
    pub(super) ticket: usize,
}
