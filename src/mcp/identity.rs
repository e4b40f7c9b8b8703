//! What is known of a request when it comes to the seam.

use std::sync::Arc;

use http::Request;
use jiff::Timestamp;

use crate::server::Server;

/// A request of which it is known whom it is for and from: no other comes to the seam.
/// No `Debug`: its headers may hold a token.
pub struct Identified<B> {
    /// The request.
    pub http: Request<B>,
    /// Whom it is for and from.
    pub identity: Identity,
}

/// Whom a request is for and from.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The MCP server.
    pub server: Arc<Server>,
    /// Name of the API token, where one was asked for.
    pub api_token: Option<Arc<str>>,
    /// The wall clock when the request was let in.
    pub now: Timestamp,
}
