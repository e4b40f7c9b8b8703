//! Exports over TLS, compressed, with a header that is a secret.

use std::{net::Ipv4Addr, sync::Arc};

use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::PrivateKeyDer;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

use crate::receiver::Receiver;
use crate::sidecar::{Sidecar, message};
use crate::support::{CREDENTIAL, Chaperone, Setup, Upstream};

/// A server of 127.0.0.1 that vouches for itself, and the file by which it is trusted.
fn server() -> (TlsAcceptor, NamedTempFile) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
    let certificate = params.self_signed(&key).unwrap();
    let ca_file = NamedTempFile::new().unwrap();
    std::fs::write(&ca_file, certificate.pem()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate.into()], PrivateKeyDer::from(key)).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), ca_file)
}

fn setup(upstream: &Upstream, otlp: &str, more: &str) -> Setup {
    let header = "headers: {x-key: {file: ./credential}}";
    let telemetry = format!("telemetry:\n  otlp: {{{otlp}, {header}}}\n{more}");
    Setup::new(upstream.address()).policy("full", "token: none").with(&telemetry)
}

#[test]
fn traces_and_metrics_go_compressed_and_with_their_header_to_a_server_of_the_ca_file() {
    for (protocol, encoding) in [("grpc", "grpc-encoding"), ("http/protobuf", "content-encoding")] {
        let (upstream, (acceptor, ca_file)) = (Upstream::start(), server());
        let receiver = Receiver::with_tls(acceptor);
        let otlp = format!(
            "endpoint: \"https://{}\", protocol: {protocol}, compression: gzip, ca_file: {:?}",
            receiver.address,
            ca_file.path()
        );
        let mut sidecar = Sidecar::start(&setup(&upstream, &otlp, ""));
        sidecar.ask("full", &[], &message("ping", &json!({})));
        sidecar.end();
        let spans: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
        assert_eq!(spans, ["ping"], "{protocol}");
        assert!(receiver.metrics().contains(&"mcp.server.operation.duration".to_owned()), "{protocol}");
        let headers = receiver.headers();
        assert!(headers.len() >= 2, "{protocol}: {headers:?}");
        for headers in headers {
            assert_eq!(
                (&headers["x-key"], &headers[encoding]),
                (&CREDENTIAL.parse().unwrap(), &"gzip".parse().unwrap())
            );
        }
    }
}

#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    for protocol in ["grpc", "http/protobuf"] {
        let (upstream, (acceptor, _ca_file)) = (Upstream::start(), server());
        let receiver = Receiver::with_tls(acceptor);
        let otlp = format!("endpoint: \"https://{}\", protocol: {protocol}", receiver.address);
        let variables = [("OTEL_METRIC_EXPORT_INTERVAL", "10"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "500")];
        let mut sidecar = Sidecar::with(&setup(&upstream, &otlp, ""), &variables);
        sidecar.ask("full", &[], &message("ping", &json!({})));
        sidecar.until("a metric export that fails", |observer| observer.metrics().exports().unwrap().failed > 0);
        sidecar.end();
        assert_eq!(sidecar.observer.spans().unwrap().failed, 1, "{protocol}");
        assert_eq!(receiver.attempts(), 0, "{protocol}");
    }
}

#[test]
fn the_value_of_a_header_is_in_no_log_however_much_is_logged() {
    for protocol in ["grpc", "http/protobuf"] {
        let (upstream, receiver) = (Upstream::start(), Receiver::start());
        receiver.refuse(true);
        let otlp = format!("endpoint: \"http://{}\", protocol: {protocol}", receiver.address);
        let chaperone = Chaperone::serve(&setup(&upstream, &otlp, "  log: {level: trace}"));
        chaperone.agent("full").request("ping", &json!({}));
        chaperone.signal("TERM");
        let (status, log) = chaperone.ended();
        assert!(status.success() && receiver.attempts() >= 2, "{protocol}: {status}");
        assert!(log.contains("traces cannot be exported") && log.contains("metrics cannot be exported"), "{log}");
        // What the HTTP libraries say is in it, or the rest proves nothing.
        assert!(log.contains(r#""level":"TRACE""#), "{log}");
        let lines: Vec<_> = log.lines().filter(|line| line.contains(CREDENTIAL)).collect();
        assert!(lines.is_empty(), "{protocol}: {lines:?}");
    }
}
