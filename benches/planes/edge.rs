//! The HTTP plane: each layer over a service that does nothing, and all of them.

use std::future::ready;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use chaperone::clock::Clock;
use chaperone::edge::{identify, limits::Gate, origin::Origins, rescue, trace};
use chaperone::mcp::body::Body;
use chaperone::mcp::identity::Identified;
use chaperone::refusal::Refusal;
use chaperone::server::registry::Registry;
use chaperone::telemetry::observer::Observer;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::Error;
use crate::measure::Bench;
use crate::scene::call_request;

/// Measures every layer of the plane.
pub(crate) fn bench(bench: &mut Bench, registry: Registry) -> Result<(), Error> {
    let nothing = service_fn(|_: Request<Full<Bytes>>| ready(Ok::<_, Refusal>(Response::new(Body::default()))));
    let observer = Observer::quiet()?;
    let (origins, gate) = (Origins::new(&[]), Gate::new(1024));
    let identify = identify::layer(Arc::new(ArcSwap::from_pointee(registry)), Clock::system());
    layer(bench, "edge/nothing", &nothing);
    layer(bench, "edge/trace", &trace::layer().layer(nothing));
    layer(bench, "edge/cors", &origins.cors().layer(nothing));
    layer(bench, "edge/rescue", &rescue::layer(observer.clone()).layer(nothing));
    layer(bench, "edge/gate", &gate.layer(nothing));
    layer(bench, "edge/origin", &origins.layer(nothing));
    let seam = service_fn(|_: Identified<Full<Bytes>>| ready(Ok::<_, Refusal>(Response::new(Body::default()))));
    layer(bench, "edge/identify", &identify.layer(seam));
    let plane = ServiceBuilder::new()
        .layer(trace::layer())
        .layer(origins.cors())
        .layer(rescue::layer(observer))
        .layer(gate)
        .layer(origins)
        .layer(identify)
        .service(seam);
    layer(bench, "edge/all", &plane);
    Ok(())
}

fn layer<S>(bench: &mut Bench, name: &str, service: &S)
where
    S: Service<Request<Full<Bytes>>> + Clone,
{
    // A clone a request, as a connection makes it.
    bench.measure(name, call_request, async |request| service.clone().oneshot(request).await.is_ok());
}
