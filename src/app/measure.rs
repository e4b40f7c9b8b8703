//! What the metrics look at when somebody asks for them; everything else they are told by the road.

use opentelemetry::KeyValue;

use super::reload::Handle;
use crate::edge::limits::Gate;
use crate::policy::quota::Counter;
use crate::server::Server;
use crate::telemetry::{
    finished::OTHER,
    metrics::{Metrics, Reading},
};
use crate::upstream::{Pool, Upstream};

/// The requests at work.
pub(super) fn requests(metrics: &Metrics, gate: &Gate) {
    let gate = gate.clone();
    metrics
        .gauge("chaperone.requests.in_flight", "Requests at work", move || vec![(gate.at_work() as u64, Vec::new())]);
}

/// What is served, and what became of changes.
pub(super) fn served(metrics: &Metrics, handle: &Handle) {
    let (reloads, generation, registry) = (handle.clone(), handle.clone(), handle.registry().clone());
    metrics.counter("chaperone.reloads", "Changes of what is served, by what became of them", move || {
        let status = reloads.status();
        let label = |name: &'static str| vec![KeyValue::new("chaperone.result", name)];
        vec![(status.reloads, label("accepted")), (status.failed, label("refused"))]
    });
    metrics.gauge("chaperone.policy.generation", "Generation of what is served", move || {
        vec![(generation.status().generation, Vec::new())]
    });
    metrics.gauge("chaperone.server.expires", "When an MCP server expires, in seconds since 1970", move || {
        registry.load().servers().iter().filter_map(|server| expiry(server)).collect()
    });
}

/// The store that limits are shared through, if there is one.
pub(super) fn limits(metrics: &Metrics, counter: &Counter) {
    let counter = counter.clone();
    metrics.gauge("chaperone.limits.shared", "Is the store that limits are shared through within reach?", move || {
        counter.is_shared().map(|reached| (u64::from(reached), Vec::new())).into_iter().collect()
    });
}

/// The way to the accounts: connections by host, since accounts at one host share them, and requests by account.
pub(super) fn upstreams(metrics: &Metrics, client: &Upstream) {
    let (open, opened, lines) = (client.clone(), client.clone(), client.clone());
    metrics.gauge("chaperone.upstream.connections", "Open connections to upstreams", move || {
        open.pools().iter().map(|pool| (pool.open, host(pool))).collect()
    });
    metrics.counter("chaperone.upstream.connections.opened", "Connections to upstreams that were opened", move || {
        opened.pools().iter().map(|pool| (pool.opened, host(pool))).collect()
    });
    metrics.gauge("chaperone.upstream.requests", "Requests at work on an account, and waiting for it", move || {
        let lines = lines.statuses().into_iter();
        lines
            .flat_map(|line| {
                let labels = |state: &'static str| {
                    vec![
                        KeyValue::new("chaperone.account", line.account.clone()),
                        KeyValue::new("chaperone.state", state),
                    ]
                };
                [(line.at_work as u64, labels("active")), (line.waiting as u64, labels("waiting"))]
            })
            .collect()
    });
}

fn host(pool: &Pool) -> Vec<KeyValue> {
    vec![KeyValue::new("server.address", pool.host.clone().unwrap_or_else(|| OTHER.to_owned()))]
}

/// When a server expires, and its name; `None` if it never does.
fn expiry(server: &Server) -> Option<Reading> {
    let seconds = u64::try_from(server.expires_at?.as_second()).unwrap_or(0);
    Some((seconds, vec![KeyValue::new("chaperone.server.name", server.name.clone())]))
}
