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
/// placeholder
#[derive(Clone, Debug)]
pub struct Upstream;
impl tower::Service<crate::call::Call> for Upstream {
    type Response = crate::outcome::Outcome;
    type Error = crate::refusal::Refusal;
    type Future = futures_util::future::BoxFuture<'static, Result<crate::outcome::Outcome, crate::refusal::Refusal>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }
    fn call(&mut self, _: crate::call::Call) -> Self::Future {
        Box::pin(async { Err(crate::refusal::Refusal::Internal("no upstream".into())) })
    }
}
