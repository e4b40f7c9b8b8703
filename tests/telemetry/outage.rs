//! A tracing backend that is down, and comes back.

use serde_json::json;

use crate::receiver::Receiver;
use crate::sidecar::{Sidecar, message};
use crate::support::{Setup, Upstream};

#[test]
fn calls_do_not_notice_an_outage_what_has_no_room_is_counted_and_sending_goes_on_by_itself() {
    for protocol in ["grpc", "http/protobuf"] {
        let (upstream, receiver) = (Upstream::start(), Receiver::start());
        let endpoint = format!("http://{}", receiver.address);
        let setup = Setup::new(upstream.address()).policy("full", "token: none");
        let mut sidecar = Sidecar::with(
            &setup,
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_METRICS_EXPORTER", "none"),
                ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
                ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"),
            ],
        );
        receiver.refuse(true);
        let ping = || {
            let answer = sidecar.ask("full", &[], &message("ping", &json!({})));
            assert_eq!(answer["result"], json!({}));
        };
        (0..2).for_each(|_| ping());
        sidecar.until("the first attempt", |_| receiver.attempts() > 0);
        // Two are being sent, four have room.
        (0..7).for_each(|_| ping());
        assert_eq!(sidecar.observer.spans().unwrap().dropped, 3, "{protocol}");
        sidecar.until("the fault", |observer| !observer.spans().unwrap().reachable);
        receiver.refuse(false);
        sidecar.until("the recovery", |observer| observer.spans().unwrap().sent == 6);
        let fate = sidecar.observer.spans().unwrap();
        assert!(fate.reachable && fate.failed == 0 && receiver.spans().len() == 6, "{protocol}: {fate:?}");
        assert!(sidecar.metrics().contains(r#"chaperone_spans_total{chaperone_result="dropped"} 3"#));
        sidecar.end();
    }
}

#[test]
fn metrics_that_cannot_be_exported_are_counted_and_their_recovery_too() {
    for protocol in ["grpc", "http/protobuf"] {
        let (upstream, receiver) = (Upstream::start(), Receiver::start());
        receiver.refuse(true);
        let endpoint = format!("http://{}", receiver.address);
        let setup = Setup::new(upstream.address()).policy("full", "token: none");
        let mut sidecar = Sidecar::with(
            &setup,
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_TRACES_EXPORTER", "none"),
                ("OTEL_METRIC_EXPORT_INTERVAL", "10"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ],
        );
        sidecar.until("a failed export", |observer| observer.metrics().exports().unwrap().failed > 0);
        assert!(!sidecar.observer.metrics().exports().unwrap().reachable, "{protocol}");
        receiver.refuse(false);
        sidecar.until("the recovery", |observer| observer.metrics().exports().unwrap().reachable);
        assert!(sidecar.observer.metrics().exports().unwrap().sent > 0, "{protocol}");
        let text = sidecar.metrics();
        assert!(text.contains(r#"chaperone_metric_exports_total{chaperone_result="failed"}"#), "{protocol}: {text}");
        sidecar.end();
    }
}

#[test]
fn the_end_does_not_wait_for_a_backend_that_is_not_there() {
    let upstream = Upstream::start();
    let setup = Setup::new(upstream.address()).policy("full", "token: none");
    // Nothing listens there.
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_METRICS_EXPORTER", "none")];
    let mut sidecar = Sidecar::with(&setup, &variables);
    sidecar.ask("full", &[], &message("ping", &json!({})));
    sidecar.end();
    assert_eq!(sidecar.observer.spans().unwrap().failed, 1);
}
