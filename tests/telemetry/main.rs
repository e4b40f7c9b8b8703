//! Traces, metrics and the audit trail of the road in one process, against a stand-in for a tracing backend over real
//! gRPC and HTTP.

#![expect(clippy::unwrap_used, reason = "what cannot be set up has failed as a test should")]

mod audit;
mod metrics;
mod outage;
mod receiver;
mod sidecar;
mod spans;
#[path = "../support/mod.rs"]
mod support;
mod tls;
