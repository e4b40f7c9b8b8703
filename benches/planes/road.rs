//! The whole road in one process, from the request that hyper's server would hand over to the response that it would
//! write; the upstream is a canned one on another thread.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use chaperone::clock::Clock;
use chaperone::edge::limits::Gate;
use chaperone::mcp::body::Body;
use chaperone::policy::quota::Counter;
use chaperone::stack::{self, World};
use chaperone::telemetry::{self, observer::Observer};
use chaperone::upstream::Upstream;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

use crate::measure::{Bench, Cost};
use crate::scene::{Scene, call_request, list_request};
use crate::{Error, canned, scene, telemetry as told};

/// What a small call costs.
pub(crate) struct Calls {
    pub(crate) quiet: Cost,
    pub(crate) traced: Cost,
}

/// Measures requests on the whole road.
pub(crate) fn bench(bench: &mut Bench) -> Result<Calls, Error> {
    let small = canned::affinity(&scene::people(3))?;
    let quiet = ask(bench, "road/tools/call", (small, "", "warn"), call_request)?;
    ask(bench, "road/tools/call with a log line", (small, "", "info"), call_request)?;
    let export = told::traces(&canned::collector()?.to_string());
    let traced = ask(bench, "road/tools/call, traced, export included", (small, &export, "warn"), call_request)?;
    let large = canned::affinity(&scene::people(900))?;
    ask(bench, "road/tools/call for 150 KB", (large, "", "warn"), call_request)?;
    ask(bench, "road/tools/list of 53 tools", (small, "", "warn"), list_request)?;
    Ok(Calls { quiet, traced })
}

/// Measures one kind of request: the upstream, more configuration, and the level of the log.
fn ask(
    bench: &mut Bench,
    name: &str,
    (upstream, more, level): (SocketAddr, &str, &str),
    request: fn() -> Request<Full<Bytes>>,
) -> Result<Cost, Error> {
    let Scene { config, registry, .. } = Scene::new(upstream, more)?;
    let log = telemetry::Config { level: level.into(), ..config.telemetry.clone() };
    let _log = tracing::dispatcher::set_default(&telemetry::log(&log, io::sink, false)?);
    let (observer, _background) = bench.block_on(async { Observer::start(&config.telemetry, &|_| None) })?;
    let world = World {
        registry: Arc::new(ArcSwap::from_pointee(registry)),
        gate: Gate::new(config.edge.max_in_flight),
        clock: Clock::system(),
        observer,
        counter: Counter::new(&config.quota)?,
    };
    let road = stack::road(&world, &config.edge, &config.upstream, Upstream::new(&config.upstream)?);
    let Ok(response) = bench.block_on(road.clone().oneshot(request()));
    expect_answer(name, response)?;
    Ok(bench.measure(name, request, async |request| road.clone().oneshot(request).await))
}

/// A refusal would be cheap.
fn expect_answer(name: &str, response: Response<Body>) -> Result<(), Error> {
    let body = response.into_body().collect().now_or_never().expect("the body is whole")?.to_bytes();
    let text = std::str::from_utf8(&body)?;
    if text.contains(r#""result":"#) && !text.contains(r#""isError":true"#) {
        Ok(())
    } else {
        Err(format!("{name}: expected a result, got {text}").into())
    }
}
