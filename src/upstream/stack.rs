//! The REST plane as one definition: what every HTTP request to an upstream passes, in travel order.
//!
//! The call's deadline is no layer here: one timer in `rest` bounds the whole call, all its requests, connecting and
//! reading included.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use tower::ServiceBuilder;

use super::Config;
use super::client::Client;
use super::credentials::{self, Credentials};
use super::ratelimit::{self, RateLimits};
use super::traceparent::{self, Propagate};
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
    /// The call's place in its trace.
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
}

/// The layers, outermost first.
pub(super) type Stack = Credentials<Propagate<RateLimits<Client>>>;

/// Build the REST plane.
///
/// # Errors
/// What of the configuration cannot work, for a person.
pub(super) fn build(config: &Config) -> Result<Stack, String> {
    Ok(ServiceBuilder::new()
        // The account's own headers: only for its own API.
        .layer(credentials::layer())
        // Where we are in the trace: only where the configuration wants it told.
        .layer(traceparent::layer(config.propagate_trace))
        // Next to the client, so that every answer is read, errors included.
        .layer(ratelimit::layer())
        .service(Client::new(config)?))
}
