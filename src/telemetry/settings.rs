//! What the export of traces and metrics is set to: the keys under `telemetry` and the `OTEL_*` variables over them.

use std::{path::PathBuf, time::Duration};

use crate::secret::{Secret, Source};

/// Where traces and metrics go, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// The collector for all signals (`telemetry.otlp.endpoint`); without one nothing is exported.
    pub endpoint: Option<String>,
    /// How it is spoken to (`telemetry.otlp.protocol`).
    pub protocol: Protocol,
    /// Headers of every export (`telemetry.otlp.headers`).
    pub headers: Vec<(String, Header)>,
    /// PEM file of more certificate authorities to trust (`telemetry.otlp.ca_file`).
    pub ca_file: Option<PathBuf>,
    /// Time for one export (`telemetry.otlp.timeout`).
    pub timeout: Duration,
    /// Compress with gzip (`telemetry.otlp.compression`).
    pub gzip: bool,
    /// Between two exports of metrics (`OTEL_METRIC_EXPORT_INTERVAL`).
    pub interval: Duration,
    /// What is particular to traces.
    pub traces: Signal,
    /// What is particular to metrics.
    pub metrics: Signal,
}

/// The value of a header, or where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// Of the file: fetched at the start.
    From(Source),
    /// Of `OTEL_EXPORTER_OTLP_HEADERS`.
    Is(Secret),
}

/// What is particular to one signal; only the environment says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// `OTEL_{TRACES,METRICS}_EXPORTER` is not `none`.
    pub enabled: bool,
    /// `OTEL_EXPORTER_OTLP_{TRACES,METRICS}_ENDPOINT`, used as it is.
    pub endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_{TRACES,METRICS}_PROTOCOL`.
    pub protocol: Option<Protocol>,
}

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC, usually port 4317.
    Grpc,
    /// Protocol buffers over HTTP, usually port 4318.
    Http,
}

/// How spans are gathered (`OTEL_BSP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Requests that wait at most.
    pub queue: usize,
    /// Requests sent at once.
    pub batch: usize,
    /// How long one waits for others.
    pub delay: Duration,
}

impl Protocol {
    /// The names in the configuration and the environment.
    pub const NAMES: [(&str, Self); 2] = [("grpc", Self::Grpc), ("http/protobuf", Self::Http)];
}

impl Default for Signal {
    fn default() -> Self {
        Self { enabled: true, endpoint: None, protocol: None }
    }
}

impl Default for Batching {
    fn default() -> Self {
        // Those of the specification, but for a queue twice as long: an entry is a whole request of about 1 KiB.
        Self { queue: 4096, batch: 512, delay: Duration::from_secs(5) }
    }
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            endpoint: None,
            protocol: Protocol::Grpc,
            headers: Vec::new(),
            ca_file: None,
            // The default of the specification.
            timeout: Duration::from_secs(10),
            // Not every backend takes it over gRPC.
            gzip: false,
            // The default of the specification.
            interval: Duration::from_mins(1),
            traces: Signal::default(),
            metrics: Signal::default(),
        }
    }
}

impl Otlp {
    /// Where a signal goes, in which protocol; `None` if it is not exported. `path` is what HTTP adds to the endpoint of
    /// all signals (OTLP exporter specification, "Endpoint URLs for OTLP/HTTP").
    #[must_use]
    pub fn target(&self, signal: &Signal, path: &str) -> Option<(String, Protocol)> {
        let protocol = signal.protocol.unwrap_or(self.protocol);
        let endpoint = match (&signal.endpoint, &self.endpoint, protocol) {
            (Some(own), _, _) => own.clone(),
            (None, Some(base), Protocol::Grpc) => base.clone(),
            (None, Some(base), Protocol::Http) => format!("{}/{path}", base.trim_end_matches('/')),
            (None, None, _) => return None,
        };
        signal.enabled.then_some((endpoint, protocol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_signal_is_added_only_to_the_endpoint_of_all_and_only_over_http() {
        let signal = |endpoint: Option<&str>, protocol| Signal {
            enabled: true,
            endpoint: endpoint.map(str::to_owned),
            protocol,
        };
        for (base, own, protocol, expected) in [
            (Some("http://c:4317"), None, None, Some("http://c:4317")),
            (Some("http://c:4318/"), None, Some(Protocol::Http), Some("http://c:4318/v1/traces")),
            (Some("http://c:4318/x"), None, Some(Protocol::Http), Some("http://c:4318/x/v1/traces")),
            (Some("http://c"), Some("http://d/as/it/is"), Some(Protocol::Http), Some("http://d/as/it/is")),
            (None, Some("http://d"), None, Some("http://d")),
            (None, None, None, None),
        ] {
            let otlp = Otlp { endpoint: base.map(str::to_owned), ..Otlp::default() };
            let target = otlp.target(&signal(own, protocol), "v1/traces").map(|(endpoint, _)| endpoint);
            assert_eq!(target.as_deref(), expected);
        }
        let off = Signal { enabled: false, endpoint: Some("http://d".into()), protocol: None };
        assert_eq!(Otlp::default().target(&off, "v1/traces"), None);
    }
}
