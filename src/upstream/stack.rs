//! The REST plane as one definition: what every HTTP request to an upstream passes, in travel order.
//!
//! The call's deadline is no layer here: one timer in `rest` bounds the whole call, all its requests, connecting and
//! reading included.

use tower::ServiceBuilder;

use crate::account::budget::Ledgers;

use super::Config;
use super::breaker::{self, Breaker};
use super::client::Client;
use super::concurrency::{self, Concurrency};
use super::connections::Connections;
use super::credentials::{self, Credentials};
use super::ratelimit::{self, RateLimits};
use super::traceparent::{self, Propagate};

/// The layers, outermost first.
pub(super) type Stack = Credentials<Concurrency<Breaker<Propagate<RateLimits<Client>>>>>;

/// Build the REST plane.
///
/// # Errors
/// What of the configuration cannot work, for a person.
pub(super) fn build(config: &Config, ledgers: Ledgers, connections: &Connections) -> Result<Stack, String> {
    Ok(ServiceBuilder::new()
        // The account's own headers: only for its own API.
        .layer(credentials::layer())
        // So many at once to an account, in turns between MCP servers; the others wait.
        .layer(concurrency::layer())
        // Inside concurrency: what waited is not sent to an upstream that failed in the meantime.
        .layer(breaker::layer())
        // Where we are in the trace: only where the configuration wants it told.
        .layer(traceparent::layer(config.propagate_trace))
        // Next to the client, so that every answer is read, errors included.
        .layer(ratelimit::layer(ledgers))
        .service(Client::new(config, connections)?))
}
