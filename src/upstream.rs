//! The seam to the upstream: a [`Call`](crate::call::Call) in, an outcome or a refusal out.

use std::{path::PathBuf, time::Duration};

/// What the way to the upstream is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Time to make a connection, TLS included (`upstream.connect_timeout`).
    pub connect_timeout: Duration,
    /// Time for a whole call, from its arrival to its answer (`upstream.call_timeout`).
    pub call_timeout: Duration,
    /// Largest upstream answer in bytes (`upstream.max_response`).
    pub max_response: usize,
    /// PEM file of more certificate authorities to trust (`upstream.ca_file`).
    pub ca_file: Option<PathBuf>,
    /// Send `traceparent` on to the upstream (`upstream.propagate_trace`).
    pub propagate_trace: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            // The slowest Affinity searches take about 20 s.
            call_timeout: Duration::from_secs(30),
            // 500 organizations with interaction dates are about 1 MiB.
            max_response: 32 << 20,
            ca_file: None,
            propagate_trace: false,
        }
    }
}
