//! Listening, connections and the graceful end.

use std::{net::SocketAddr, time::Duration};

/// What the listener is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where MCP traffic arrives (`listen`).
    pub listen: SocketAddr,
    /// Open connections at once; further ones wait in the kernel's queue (`limits.max_connections`).
    pub max_connections: usize,
    /// Time for a connection to send a request's headers (`limits.header_timeout`).
    pub header_timeout: Duration,
    /// Time for calls in flight to finish after SIGTERM (`limits.drain`).
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_connections: 4096,
            // Headers fit in one packet; who needs longer holds a connection for its own sake.
            header_timeout: Duration::from_secs(10),
            // Kubernetes kills after 30 s by default; this leaves room to say goodbye.
            drain: Duration::from_secs(25),
        }
    }
}
