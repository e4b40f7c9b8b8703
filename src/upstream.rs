//! The seam to the upstream: a [`Call`](crate::call::Call) in, an outcome or a refusal out.
//!
//! [`Upstream`] answers a granted, checked call. What the tool's catalog entry says becomes HTTP requests (`split`,
//! `multipart`), which travel the REST plane (`stack`: one layer a file, down to the pooled `client`); what comes back
//! becomes the agent's result (`outcome`, `cut`, `binary`) or a refusal (`error`, `failure`). `page`, `cursor`,
//! `fan_out` and `merge` make one list of many upstream pages.

mod binary;
mod body;
mod breaker;
mod call_info;
mod circuit;
mod client;
mod concurrency;
mod connections;
mod connector;
mod credentials;
mod cursor;
mod cut;
mod destination;
mod disposition;
mod errand;
mod error;
mod failure;
mod fan_out;
mod fields;
mod http1;
mod lane;
mod line;
mod merge;
mod message;
mod meter;
mod multipart;
mod outcome;
mod page;
mod plane;
mod pool;
mod ratelimit;
mod redirect;
mod rest;
mod retry;
mod shared;
mod split;
mod stack;
mod text;
mod traceparent;
mod trial;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

pub use circuit::Mode;
pub use connections::Pool;
pub use line::Status;
pub use rest::{Order, Upstream};

/// Most retries that can be asked for: an upstream in trouble is not helped by more.
pub const MOST_RETRIES: u32 = 5;

/// What the way to the upstream is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Time to make a connection, TLS included (`upstream.connect_timeout`).
    pub connect_timeout: Duration,
    /// Time for a whole call, from its arrival to its answer (`upstream.call_timeout`).
    pub call_timeout: Duration,
    /// Largest upstream answer in bytes (`upstream.max_response`).
    pub max_response: usize,
    /// Most requests at work on one account at once (`upstream.max_concurrent`).
    pub max_concurrent: usize,
    /// Most requests that wait for one account (`upstream.max_waiting`); beyond, calls are refused.
    pub max_waiting: usize,
    /// When an account is no longer called for a while (`upstream.breaker`).
    pub breaker: Breaker,
    /// How often a read is tried again after a failure that may pass (`upstream.retries`).
    pub retries: u32,
    /// PEM file of more certificate authorities to trust (`upstream.ca_file`).
    pub ca_file: Option<PathBuf>,
    /// Send the call's `traceparent` on to the upstream (`upstream.propagate_trace`).
    pub propagate_trace: bool,
}

/// When an account is no longer called for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row (`upstream.breaker.failures`); 0 turns the breaker off.
    pub failures: u32,
    /// How long (`upstream.breaker.open_for`).
    pub open_for: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        // One failure is chance, five in a row are not. Ten seconds spare an upstream that restarts most of the calls
        // that would fail, and an agent can wait as long within one turn.
        Self { failures: 5, open_for: Duration::from_secs(10) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            // The slowest Affinity searches take about 20 s.
            call_timeout: Duration::from_secs(30),
            // 500 organizations with interaction dates are about 1 MiB.
            max_response: 32 << 20,
            // Affinity allows 900 requests a minute: at 2 s each that is 30 at once.
            max_concurrent: 32,
            // Eight turns of all slots: who is behind more than that would hardly be served within the call's time.
            max_waiting: 256,
            breaker: Breaker::default(),
            // Whoever calls knows better whether to try again, and what it costs.
            retries: 0,
            ca_file: None,
            // A vendor has no use for our trace ids, and they would tell it which calls belong together.
            propagate_trace: false,
        }
    }
}
