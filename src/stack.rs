//! The road, as one definition: every layer a request meets, in travel order.
//!
//! ```text
//! socket > HTTP plane (edge) > Terminate > CALL plane (policy) > Upstream > REST plane (upstream) > vendor
//! ```

use std::{convert::Infallible, sync::Arc};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower::{Service, ServiceBuilder};

use crate::call::Call;
use crate::clock::Clock;
use crate::edge::{self, identify, limits::Gate, origin::Origins, rescue, trace};
use crate::mcp::{
    self,
    terminate::{self, Terminate},
};
use crate::outcome::Outcome;
use crate::policy::{arguments, audit, authorize, quota};
use crate::refusal::Refusal;
use crate::server::registry::Registry;
use crate::telemetry::observer::Observer;
use crate::upstream::{self, Upstream};

/// What the road needs of the world.
#[derive(Clone, Debug)]
pub struct World {
    /// The servers as they are now; a reload swaps them.
    pub registry: Arc<ArcSwap<Registry>>,
    /// Counts and sheds.
    pub gate: Gate,
    /// The wall clock.
    pub clock: Clock,
    /// Told of every request that is over.
    pub observer: Observer,
    /// Counts calls against limits.
    pub counter: quota::Counter,
}

/// The whole road.
#[must_use]
pub fn road<B>(
    world: &World,
    edge: &edge::Config,
    upstream: &upstream::Config,
    client: Upstream,
) -> impl Service<Request<B>, Response = Response<mcp::body::Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let origins = Origins::new(&edge.allowed_origins);
    let seam = terminate::Config { max_body: edge.max_body, call_timeout: upstream.call_timeout };
    ServiceBuilder::new()
        // Outermost: what is refused is measured too.
        .layer(trace::layer())
        // Outside rescue: a browser may read its refusal.
        .layer(origins.cors())
        // Refusals and panics become responses here and nowhere else.
        .layer(rescue::layer(world.observer.clone()))
        // Before any work: what is too much costs nothing.
        .layer(world.gate.clone())
        // Before the token is looked at: a foreign page learns nothing.
        .layer(origins)
        // Token > MCP server > expiry > API token; takes the running set once.
        .layer(identify::layer(world.registry.clone(), world.clock.clone()))
        // Body limit, deadline, MCP; from here on there are calls.
        .service(Terminate::new(calls(world, client), seam, world.observer.clone()))
}

/// The call plane.
fn calls(
    world: &World,
    client: Upstream,
) -> impl Service<Call, Response = Outcome, Error = Refusal, Future: Send> + Clone + Send + 'static {
    ServiceBuilder::new()
        // Outside authorize: denials are recorded.
        .layer(audit::layer(world.observer.clone()))
        // Before anything that looks at arguments or answers from memory.
        .layer(authorize::layer())
        // After authorize: what is hidden is not even described. Before any quota: a misfit spends nothing.
        .layer(arguments::layer())
        // After both: a refused call spends nothing.
        .layer(quota::layer(world.counter.clone(), client.ledgers().clone()))
        // The REST plane is behind this seam, see `upstream`.
        .service(client)
}
