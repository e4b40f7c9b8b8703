//! Exporters by configuration: OTLP over gRPC or as protocol buffers over HTTP, TLS by rustls with ring.

use std::{collections::HashMap, path::Path};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    Compression, MetricExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
    tonic_types::{
        metadata::MetadataMap,
        transport::{Certificate, ClientTlsConfig},
    },
};
use opentelemetry_sdk::Resource;

use super::Config;
use super::collector::Collector;
use super::http::HyperClient;
use super::settings::{Header, Protocol};

/// What an endpoint has to be.
pub const EXPECTED: &str = "expected a URL such as http://localhost:4317 or https://collector.example.com:4317";

/// Can exports go to this URL?
#[must_use]
pub fn is_endpoint(text: &str) -> bool {
    let uri: Result<http::Uri, _> = text.parse();
    uri.is_ok_and(|uri| {
        let host = uri.authority().is_some_and(|at| !at.host().is_empty() && !at.as_str().contains('@'));
        host && matches!(uri.scheme_str(), Some("http" | "https"))
    })
}

/// Who is speaking: `service.name`, `service.version` and what `OTEL_RESOURCE_ATTRIBUTES` adds.
#[must_use]
pub fn resource(config: &Config) -> Resource {
    let more = config.resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    Resource::builder_empty()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(more)
        .with_attribute(KeyValue::new("service.name", config.service_name.clone()))
        .build()
}

/// The collector of traces; `None` where no endpoint is configured. Needs a running tokio.
///
/// # Errors
/// What of the configuration cannot work, for a person.
pub fn traces(config: &Config, environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<Collector>, String> {
    let Some((endpoint, protocol)) = config.otlp.target(&config.otlp.traces, "v1/traces") else { return Ok(None) };
    let headers = Way::new(config, environment)?.headers;
    Collector::new(&config.otlp, (&endpoint, protocol), headers, &resource(config)).map(Some)
}

/// The exporter of metrics; `None` where no endpoint is configured. Needs a running tokio.
///
/// # Errors
/// As [`traces`].
pub fn metrics(
    config: &Config,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<MetricExporter>, String> {
    let Some((endpoint, protocol)) = config.otlp.target(&config.otlp.metrics, "v1/metrics") else { return Ok(None) };
    let way = Way::new(config, environment)?;
    let built = match protocol {
        Protocol::Grpc => way.grpc(MetricExporter::builder().with_tonic(), &endpoint)?.build(),
        Protocol::Http => way.http(MetricExporter::builder().with_http(), &endpoint)?.build(),
    };
    built.map(Some).map_err(|error| format!("telemetry.otlp: {error}"))
}

/// What both signals have in common.
struct Way<'c> {
    config: &'c Config,
    headers: HeaderMap,
}

impl<'c> Way<'c> {
    fn new(config: &'c Config, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &config.otlp.headers {
            let secret = match value {
                Header::Is(secret) => secret.clone(),
                Header::From(source) => source.fetch_from(environment)?,
            };
            let unusable = || format!("telemetry.otlp.headers: `{name}` cannot be a header with this value");
            let header = HeaderName::try_from(name).map_err(|_| unusable())?;
            let mut value = HeaderValue::try_from(secret.expose()).map_err(|_| unusable())?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        Ok(Self { config, headers })
    }

    fn grpc<B: WithExportConfig + WithTonicConfig>(&self, builder: B, endpoint: &str) -> Result<B, String> {
        let otlp = &self.config.otlp;
        let mut builder = builder
            .with_endpoint(endpoint)
            .with_timeout(otlp.timeout)
            .with_metadata(MetadataMap::from_headers(self.headers.clone()));
        if endpoint.starts_with("https://") {
            let mut tls = ClientTlsConfig::new().with_webpki_roots();
            if let Some(path) = &otlp.ca_file {
                tls = tls.ca_certificate(Certificate::from_pem(read(path)?));
            }
            builder = builder.with_tls_config(tls);
        }
        Ok(if otlp.gzip { builder.with_compression(Compression::Gzip) } else { builder })
    }

    fn http<B: WithExportConfig + WithHttpConfig>(&self, builder: B, endpoint: &str) -> Result<B, String> {
        let otlp = &self.config.otlp;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: HashMap<_, _> =
            self.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let builder = builder
            .with_endpoint(endpoint)
            .with_timeout(otlp.timeout)
            .with_headers(headers)
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_http_client(HyperClient::new(otlp.ca_file.as_deref(), otlp.timeout, false)?);
        Ok(if otlp.gzip { builder.with_compression(Compression::Gzip) } else { builder })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path)
        .map_err(|error| format!("telemetry.otlp.ca_file: {} cannot be read: {}", path.display(), error.kind()))
}
