//! The `OTEL_*` variables, which win over the file (OpenTelemetry specification, "Environment variables").
//!
//! A variable that is set to nothing is not set. One that cannot be used is a fault that names it: an exporter that
//! silently does something else is found out too late.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::Config;
use super::sampling::Sampling;
use super::settings::{Header, Protocol, Signal};
use crate::document::Faults;
use crate::secret::Secret;

/// Where variables are looked up.
type Lookup<'e> = dyn Fn(&str) -> Option<String> + Send + Sync + 'e;

/// Lay the variables over a configuration.
pub fn apply(config: &mut Config, environment: &Lookup<'_>) -> Faults {
    let mut reader = Reader { environment, faults: Faults::default() };
    if reader.get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        (config.otlp.traces.enabled, config.otlp.metrics.enabled) = (false, false);
    }
    resource(config, &mut reader);
    otlp(config, &mut reader);
    for (name, signal) in [("TRACES", &mut config.otlp.traces), ("METRICS", &mut config.otlp.metrics)] {
        signal_of(name, signal, &mut reader);
    }
    sampler(config, &mut reader);
    let batching = &mut config.batching;
    set(&mut batching.queue, reader.number("OTEL_BSP_MAX_QUEUE_SIZE"));
    set(&mut batching.batch, reader.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"));
    set(&mut batching.delay, reader.milliseconds("OTEL_BSP_SCHEDULE_DELAY"));
    reader.faults
}

fn resource(config: &mut Config, reader: &mut Reader<'_>) {
    if let Some(text) = reader.get("OTEL_RESOURCE_ATTRIBUTES") {
        config.resource = reader.pairs("OTEL_RESOURCE_ATTRIBUTES", &text);
        if let Some(at) = config.resource.iter().position(|(name, _)| name == "service.name") {
            config.service_name = config.resource.remove(at).1;
        }
    }
    set(&mut config.service_name, reader.get("OTEL_SERVICE_NAME"));
}

fn otlp(config: &mut Config, reader: &mut Reader<'_>) {
    let otlp = &mut config.otlp;
    if let Some(endpoint) = reader.url("OTEL_EXPORTER_OTLP_ENDPOINT") {
        otlp.endpoint = Some(endpoint);
    }
    set(&mut otlp.protocol, reader.protocol("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if let Some(text) = reader.get("OTEL_EXPORTER_OTLP_HEADERS") {
        for (name, value) in reader.pairs("OTEL_EXPORTER_OTLP_HEADERS", &text) {
            otlp.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            otlp.headers.push((name, Header::Is(Secret::new(value))));
        }
    }
    set(&mut otlp.timeout, reader.milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT"));
    set(&mut otlp.interval, reader.milliseconds("OTEL_METRIC_EXPORT_INTERVAL"));
    if let Some(path) = reader.get("OTEL_EXPORTER_OTLP_CERTIFICATE") {
        otlp.ca_file = Some(path.into());
    }
    match reader.get("OTEL_EXPORTER_OTLP_COMPRESSION").as_deref() {
        None => {}
        Some("gzip") => otlp.gzip = true,
        Some("none") => otlp.gzip = false,
        Some(_) => reader.fault("OTEL_EXPORTER_OTLP_COMPRESSION", "expected gzip or none"),
    }
}

fn signal_of(name: &str, signal: &mut Signal, reader: &mut Reader<'_>) {
    let exporter = format!("OTEL_{name}_EXPORTER");
    match reader.get(&exporter).as_deref() {
        None | Some("otlp") => {}
        Some("none") => signal.enabled = false,
        // `/metrics` is there in any case.
        Some("prometheus") if name == "METRICS" => signal.enabled = false,
        Some(_) => reader.fault(&exporter, "expected otlp or none"),
    }
    signal.endpoint = reader.url(&format!("OTEL_EXPORTER_OTLP_{name}_ENDPOINT"));
    signal.protocol = reader.protocol(&format!("OTEL_EXPORTER_OTLP_{name}_PROTOCOL"));
}

fn sampler(config: &mut Config, reader: &mut Reader<'_>) {
    let Some(name) = reader.get("OTEL_TRACES_SAMPLER") else { return };
    let ratio = match reader.get("OTEL_TRACES_SAMPLER_ARG").map(|text| text.parse::<f64>()) {
        None => 1.0,
        Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => ratio,
        Some(_) => return reader.fault("OTEL_TRACES_SAMPLER_ARG", "expected a number from 0 to 1"),
    };
    match Sampling::named(&name, ratio) {
        Some(sampling) => config.sampling = sampling,
        None => reader.fault(
            "OTEL_TRACES_SAMPLER",
            "expected always_on, always_off, traceidratio, or one of these behind parentbased_",
        ),
    }
}

fn set<T>(target: &mut T, found: Option<T>) {
    if let Some(found) = found {
        *target = found;
    }
}

struct Reader<'e> {
    environment: &'e Lookup<'e>,
    faults: Faults,
}

impl Reader<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.environment)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn fault(&mut self, name: &str, message: &str) {
        // The value is not told: it may hold a secret.
        self.faults.0.extend(Faults::whole_file(name, message).0);
    }

    fn number(&mut self, name: &str) -> Option<usize> {
        let found = self.get(name)?.parse().ok().filter(|number| *number > 0);
        if found.is_none() {
            self.fault(name, "expected a whole number above 0");
        }
        found
    }

    fn milliseconds(&mut self, name: &str) -> Option<Duration> {
        self.number(name).map(|number| Duration::from_millis(number as u64))
    }

    fn protocol(&mut self, name: &str) -> Option<Protocol> {
        let text = self.get(name)?;
        let found = Protocol::NAMES.iter().find(|(known, _)| *known == text).map(|(_, protocol)| *protocol);
        if found.is_none() {
            self.fault(name, "expected grpc or http/protobuf");
        }
        found
    }

    fn url(&mut self, name: &str) -> Option<String> {
        let text = self.get(name)?;
        let found = super::export::is_endpoint(&text).then_some(text);
        if found.is_none() {
            self.fault(name, super::export::EXPECTED);
        }
        found
    }

    /// `name=value,name=value`, percent-encoded (W3C Baggage).
    fn pairs(&mut self, name: &str, text: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let pair = part.split_once('=').filter(|(key, _)| !key.trim().is_empty());
            let decoded = pair.and_then(|(key, value)| {
                let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                Some((key.trim().to_owned(), value.into_owned()))
            });
            match decoded {
                Some(pair) => pairs.push(pair),
                None => self.fault(name, "expected name=value, several with commas between them, percent-encoded"),
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(variables: &[(&str, &str)]) -> (Config, Faults) {
        let mut config = Config::default();
        config.otlp.endpoint = Some("http://file:4317".into());
        let environment = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        let faults = apply(&mut config, &environment);
        (config, faults)
    }

    #[test]
    fn variables_win_over_the_file() {
        let (config, faults) = applied(&[
            ("OTEL_SERVICE_NAME", "edge"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=a%20b"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:1/x"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "750"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "7"),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ]);
        assert_eq!(faults.0, []);
        let otlp = &config.otlp;
        assert_eq!(config.service_name, "edge");
        assert_eq!(config.resource, [("deployment.environment.name".into(), "a b".into())]);
        assert_eq!(otlp.target(&otlp.traces, "v1/traces"), Some(("http://env:4318/v1/traces".into(), Protocol::Http)));
        assert_eq!(otlp.target(&otlp.metrics, "v1/metrics").unwrap().0, "http://metrics:1/x");
        assert_eq!(otlp.headers, [("authorization".into(), Header::Is(Secret::new("Basic abc")))]);
        assert!(otlp.gzip && otlp.timeout == Duration::from_millis(1500));
        assert_eq!(otlp.interval, Duration::from_millis(750));
        assert_eq!(config.sampling, Sampling { parent_based: true, ratio: 0.25 });
        assert_eq!((config.batching.queue, config.batching.delay), (7, Duration::from_millis(20)));
    }

    #[test]
    fn a_signal_is_switched_off_by_its_exporter_and_all_by_the_sdk() {
        let exported = |variables: &[(&str, &str)]| {
            let (config, faults) = applied(variables);
            assert_eq!(faults.0, []);
            let otlp = config.otlp;
            [&otlp.traces, &otlp.metrics].map(|signal| otlp.target(signal, "x").is_some())
        };
        assert_eq!(exported(&[]), [true, true]);
        assert_eq!(exported(&[("OTEL_TRACES_EXPORTER", "none")]), [false, true]);
        assert_eq!(exported(&[("OTEL_METRICS_EXPORTER", "none")]), [true, false]);
        assert_eq!(exported(&[("OTEL_SDK_DISABLED", "true")]), [false, false]);
        assert_eq!(exported(&[("OTEL_SDK_DISABLED", "")]), [true, true]);
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named_without_its_value() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "s3cret:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/s3cret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "s3cret"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "s3cret"),
            ("OTEL_TRACES_EXPORTER", "s3cret"),
            ("OTEL_TRACES_SAMPLER", "s3cret"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "s3cret"),
        ] {
            let text = applied(&[(name, value)]).1.to_string();
            assert!(text.contains(name) && !text.contains("s3cret"), "{name}: {text}");
        }
    }
}
