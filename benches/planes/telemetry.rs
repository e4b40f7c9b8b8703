//! What is told of a call when it is over: metrics, a log line, spans.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use chaperone::call::{Caller, Origin};
use chaperone::outcome::Exchange;
use chaperone::telemetry::finished::{Asked, Captured, Finished};
use chaperone::telemetry::{self, observer::Observer};
use chaperone::trace::TraceParent;

use crate::measure::Bench;
use crate::scene::{Scene, TOOL};
use crate::{Error, canned};

/// Measures the observer, told of a call whose upstream did `exchange`.
pub(crate) fn bench(bench: &mut Bench, scene: &Scene, exchange: &Exchange) -> Result<(), Error> {
    let observer = Observer::quiet()?;
    tell(bench, "telemetry/metrics", scene, exchange, &observer);
    {
        let config = telemetry::Config { level: "info".into(), ..telemetry::Config::default() };
        let _log = tracing::dispatcher::set_default(&telemetry::log(&config, io::sink, false)?);
        tell(bench, "telemetry/metrics and a log line", scene, exchange, &observer);
    }
    let traced = Scene::new(canned::collector()?, &traces(&canned::collector()?.to_string()))?;
    let (observer, _sending) = bench.block_on(async { Observer::start(&traced.config.telemetry, &|_| None) })?;
    tell(bench, "telemetry/metrics and spans, their export included", scene, exchange, &observer);
    Ok(())
}

/// The configuration that sends the spans of every call to `collector`.
pub(crate) fn traces(collector: &str) -> String {
    format!("telemetry: {{otlp: {{endpoint: \"http://{collector}\", protocol: http/protobuf}}}}")
}

fn tell(bench: &mut Bench, name: &str, scene: &Scene, exchange: &Exchange, observer: &Observer) {
    let make = || finished(scene, exchange);
    bench.measure(name, make, async |finished| {
        let admission = observer.admit().ok();
        observer.called(admission.unwrap_or_default(), finished);
        // So that an exporter on this thread gets its turn.
        tokio::task::yield_now().await;
    });
}

fn finished(scene: &Scene, exchange: &Exchange) -> Finished {
    Finished {
        server: scene.server().clone(),
        caller: Caller { api_token: None, client: Some("road".into()), client_version: Some("1.0.0".into()) },
        origin: Origin { request_id: "100000000000".into(), revision: "2026-07-28", http: "1.1", ..Origin::default() },
        trace: TraceParent::fresh(),
        method: "tools/call",
        asked: Some(Asked::new(&TOOL.into(), scene.server().place(TOOL))),
        begun_at: SystemTime::now(),
        begun: Instant::now(),
        duration: Duration::from_micros(200),
        failure: None,
        exchange: exchange.clone().into(),
        captured: Captured::default(),
    }
}
