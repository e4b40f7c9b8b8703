//! The metrics: recorded when a request is over, read by `/metrics` and exported over OTLP where that is configured.
//!
//! No label is of the caller's making: tools are those of the catalog, methods those that are known here, everything
//! else is [`OTHER`]. README names every metric.

use std::{fmt, sync::OnceLock, time::Duration};

use opentelemetry::{
    KeyValue,
    metrics::{AsyncInstrument, BoundHistogram, Counter, Histogram, Meter, MeterProvider},
};
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
};
use prometheus::{Registry, TextEncoder};

use super::budgets::Budgets;
use super::finished::{Answered, Failure, Finished, OTHER, Verdict};
use super::metric_exports::{Fate, MetricExports};
use super::series::{Answers, Found, Kept, Key, Took};
use crate::outcome::Attempt;

/// Buckets of the semantic conventions for MCP, in seconds.
const OPERATION: [f64; 14] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// What chaperone itself takes is measured in microseconds.
const ADDED: [f64; 14] =
    [0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.000_75, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0];

/// Buckets of the semantic conventions for HTTP clients, in seconds, and up to the longest call.
const UPSTREAM: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 30.0];

/// All metrics.
pub struct Metrics {
    provider: SdkMeterProvider,
    registry: Registry,
    meter: Meter,
    operation: Histogram<f64>,
    /// Without labels.
    added: BoundHistogram<f64>,
    upstream: Histogram<f64>,
    decisions: Counter<u64>,
    refusals: Counter<u64>,
    budgets: Budgets,
    kept: Kept,
    answers: Answers,
    exports: Option<MetricExports>,
    /// What there was to read at the end.
    last: OnceLock<String>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// One value of a metric that is looked at when somebody asks, and its labels.
pub type Reading = (u64, Vec<KeyValue>);

impl Metrics {
    /// Metrics for `/metrics` and, if there is an exporter, for it, as often as its interval says.
    ///
    /// # Errors
    /// A bug, for a person.
    pub fn new(resource: Resource, exporter: Option<(MetricExporter, Duration)>) -> Result<Self, String> {
        let registry = Registry::new();
        let prometheus = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()
            .map_err(|error| error.to_string())?;
        let mut builder = SdkMeterProvider::builder().with_resource(resource).with_reader(prometheus);
        let exports = exporter.as_ref().map(|_| MetricExports::default());
        if let (Some((exporter, interval)), Some(exports)) = (exporter, &exports) {
            let reader = PeriodicReader::builder(exports.watch(exporter)).with_interval(interval);
            builder = builder.with_reader(reader.build());
        }
        let provider = builder.build();
        let meter = provider.meter("chaperone");
        let seconds = |name: &'static str, description: &'static str, buckets: &[f64]| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(buckets.to_vec())
                .build()
        };
        let operation = seconds("mcp.server.operation.duration", "Duration of requests of MCP", &OPERATION);
        let added = seconds("chaperone.added.duration", "Time that chaperone itself took for a call", &ADDED).bind(&[]);
        let upstream = seconds("http.client.request.duration", "Duration of requests to the upstream", &UPSTREAM);
        let decisions = counter(&meter, "chaperone.decisions", "Decisions of policies on calls, by kind of rule");
        let refusals = counter(&meter, "chaperone.refusals", "Requests and calls that were refused or failed");
        let budgets = Budgets::observed_by(&meter);
        let metrics = Self {
            provider,
            registry,
            meter,
            operation,
            added,
            upstream,
            decisions,
            refusals,
            budgets,
            kept: Kept::default(),
            answers: Answers::default(),
            exports,
            last: OnceLock::new(),
        };
        metrics.observe_exports();
        metrics.tell_when_read();
        Ok(metrics)
    }

    /// Readers ask all instruments that are looked at before they read the others. This one has nothing to say itself,
    /// so that no reader ever hears of it.
    fn tell_when_read(&self) {
        let kept = self.kept.clone();
        self.meter.u64_observable_counter("chaperone.waiting").with_callback(move |_| kept.tell()).build();
    }

    fn observe_exports(&self) {
        let Some(exports) = self.exports.clone() else { return };
        let label = |name: &'static str| vec![KeyValue::new("chaperone.result", name)];
        self.counter("chaperone.metric.exports", "Exports of metrics, by what became of them", move || {
            let Fate { sent, failed, .. } = exports.fate();
            vec![(sent, label("sent")), (failed, label("failed"))]
        });
    }

    /// Record a call that is over.
    pub(super) fn record(&self, finished: &Finished) {
        let request = finished.exchange.attempts.first().map(|attempt| attempt.duration);
        let took = Took { operation: finished.duration, request };
        let generation = finished.server.generation;
        let kept =
            Key::of(finished).is_some_and(|key| self.kept.record(generation, &key, took, || self.find(finished)));
        if !kept {
            return self.record_by_labels(finished);
        }
        self.added.record(finished.added().as_secs_f64());
        self.budgets.saw(&finished.server.account.id, &finished.exchange.budget);
    }

    /// Record a request other than a call that is over.
    pub(super) fn record_answer(&self, answered: &Answered) {
        let Answered { method, revision, duration, failure } = answered;
        let (seconds, labels) = (duration.as_secs_f64(), || of_request(method, revision, failure.as_ref()));
        match failure {
            None => self.answers.record((method, revision), seconds, || self.operation.bind(&labels())),
            Some(failure) => {
                self.refused(&failure.kind);
                self.operation.record(seconds, &labels());
            }
        }
    }

    /// The series of a call of this kind.
    fn find(&self, finished: &Finished) -> Found {
        let decided = finished.decision().map(|decision| of_decision(finished, decision));
        let request = finished.exchange.attempts.first().map(|attempt| of_attempt(finished, attempt));
        Found {
            operation: self.operation.bind(&of_operation(finished)),
            decisions: self.decisions.bind(decided.as_ref().map_or(&[], |labels| labels)),
            request: request.map(|labels| self.upstream.bind(&labels)),
        }
    }

    fn record_by_labels(&self, finished: &Finished) {
        if let Some(failure) = &finished.failure {
            self.refused(&failure.kind);
        }
        self.operation.record(finished.duration.as_secs_f64(), &of_operation(finished));
        let Some(decision) = finished.decision() else { return };
        self.added.record(finished.added().as_secs_f64());
        self.decisions.add(1, &of_decision(finished, decision));
        for attempt in &finished.exchange.attempts {
            self.upstream.record(attempt.duration.as_secs_f64(), &of_attempt(finished, attempt));
        }
        self.budgets.saw(&finished.server.account.id, &finished.exchange.budget);
    }

    /// Count a refusal by its kind.
    pub(super) fn refused(&self, kind: &str) {
        self.refusals.add(1, &[KeyValue::new("chaperone.refusal", kind.to_owned())]);
    }

    /// A number that goes up and down, looked at when somebody asks.
    pub fn gauge<F>(&self, name: &'static str, description: &'static str, read: F)
    where
        F: Fn() -> Vec<Reading> + Send + Sync + 'static,
    {
        let tell = move |to: &dyn AsyncInstrument<u64>| {
            for (value, labels) in read() {
                to.observe(value, &labels);
            }
        };
        self.meter.u64_observable_gauge(name).with_description(description).with_callback(tell).build();
    }

    /// A number that only goes up, looked at when somebody asks.
    pub fn counter<F>(&self, name: &'static str, description: &'static str, read: F)
    where
        F: Fn() -> Vec<Reading> + Send + Sync + 'static,
    {
        let tell = move |to: &dyn AsyncInstrument<u64>| {
            for (value, labels) in read() {
                to.observe(value, &labels);
            }
        };
        self.meter.u64_observable_counter(name).with_description(description).with_callback(tell).build();
    }

    /// How the export of metrics fares, if there is one.
    #[must_use]
    pub fn exports(&self) -> Option<Fate> {
        self.exports.as_ref().map(MetricExports::fate)
    }

    /// Everything in the text format of Prometheus (version 0.0.4).
    ///
    /// # Errors
    /// A bug, for a person.
    pub fn exposition(&self) -> Result<String, String> {
        if let Some(last) = self.last.get() {
            return Ok(last.clone());
        }
        TextEncoder::new().encode_to_string(&self.registry.gather()).map_err(|error| error.to_string())
    }

    /// Export what is there and end. Blocks for up to `limit`. Whoever reads afterwards reads what there was.
    pub(super) fn end(&self, limit: Duration) {
        if let Ok(last) = self.exposition() {
            // It ends once.
            let _ = self.last.set(last);
        }
        if let Err(error) = self.provider.shutdown_with_timeout(limit) {
            tracing::warn!(%error, "the last metrics were not exported");
        }
    }
}

/// The labels of `mcp.server.operation.duration` for a call.
fn of_operation(finished: &Finished) -> Vec<KeyValue> {
    let mut labels = of_request(finished.method, finished.origin.revision, finished.failure.as_ref());
    labels.push(KeyValue::new("gen_ai.tool.name", finished.tool().unwrap_or(OTHER).to_owned()));
    labels.push(KeyValue::new("gen_ai.operation.name", "execute_tool"));
    labels
}

/// The labels of `mcp.server.operation.duration` that every request has.
fn of_request(method: &'static str, revision: &'static str, failure: Option<&Failure>) -> Vec<KeyValue> {
    let mut labels = Vec::with_capacity(6);
    labels.push(KeyValue::new("mcp.method.name", method));
    labels.push(KeyValue::new("mcp.protocol.version", revision));
    if let Some(failure) = failure {
        labels.push(KeyValue::new("error.type", failure.error_type()));
        labels.extend(failure.code.map(|code| KeyValue::new("rpc.response.status_code", code.to_string())));
    }
    labels
}

/// The labels of `chaperone.decisions`.
fn of_decision(finished: &Finished, (verdict, rule): (Verdict, &str)) -> [KeyValue; 3] {
    let kind = rule.split(':').next().unwrap_or_default();
    [
        KeyValue::new("chaperone.decision", Verdict::word(verdict)),
        KeyValue::new("chaperone.rule", kind.to_owned()),
        KeyValue::new("chaperone.server.name", finished.server.name.clone()),
    ]
}

/// The labels of `http.client.request.duration`.
fn of_attempt(finished: &Finished, attempt: &Attempt) -> [KeyValue; 3] {
    // Where downloads are redirected to is the vendor's to say.
    let elsewhere = attempt.elsewhere.is_some();
    let host = if elsewhere { OTHER } else { finished.server.account.base_url.host().unwrap_or_default() };
    [
        KeyValue::new("http.request.method", attempt.method.as_str().to_owned()),
        KeyValue::new("server.address", host.to_owned()),
        match attempt.status {
            Some(status) => KeyValue::new("http.response.status_code", i64::from(status)),
            None => KeyValue::new("error.type", "no_answer"),
        },
    ]
}

fn counter(meter: &Meter, name: &'static str, description: &'static str) -> Counter<u64> {
    meter.u64_counter(name).with_description(description).build()
}
