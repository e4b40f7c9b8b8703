//! The call plane: each layer over a service that does nothing, and the check of arguments alone.

use std::future::ready;
use std::sync::{Arc, Mutex};

use chaperone::account::budget::Ledgers;
use chaperone::call::Call;
use chaperone::outcome::Outcome;
use chaperone::policy::quota::{self, Counter};
use chaperone::policy::{arguments, audit, authorize};
use chaperone::refusal::Refusal;
use chaperone::telemetry::observer::Observer;
use jiff::Timestamp;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::Error;
use crate::measure::Bench;
use crate::scene::{self, Scene};

/// Measures every layer of the plane; behind it every call is answered with `outcome`.
pub(crate) fn bench(bench: &mut Bench, scene: &Scene, outcome: &Outcome) -> Result<(), Error> {
    let answers: Arc<Mutex<Vec<Outcome>>> = Arc::default();
    let answered = answers.clone();
    let nothing = service_fn(move |_: Call| {
        let outcome = answered.lock().expect("nobody panics with it").pop();
        ready(outcome.ok_or_else(|| Refusal::Internal("expected an answer for each call".into())))
    });
    // An answer is laid ready with each call, so that its making is not counted.
    let ready = |call: Call| {
        answers.lock().expect("nobody panics with it").push(outcome.clone());
        call
    };
    let observer = Observer::quiet()?;
    let quota = quota::layer(Counter::new(&scene.config.quota)?, Ledgers::default());
    layer(bench, "policy/nothing", || ready(scene.call()), &nothing);
    layer(bench, "policy/audit", || ready(scene.call()), &audit::layer(observer.clone()).layer(nothing.clone()));
    layer(bench, "policy/authorize", || ready(scene.call()), &authorize::layer().layer(nothing.clone()));
    layer(bench, "policy/arguments", || ready(scene.granted()), &arguments::layer().layer(nothing.clone()));
    layer(bench, "policy/quota", || ready(scene.checked()), &quota.layer(nothing.clone()));
    let plane = ServiceBuilder::new()
        .layer(audit::layer(observer))
        .layer(authorize::layer())
        .layer(arguments::layer())
        .layer(quota)
        .service(nothing);
    layer(bench, "policy/all", || ready(scene.call()), &plane);
    let (offer, now) = (scene.offer(), Timestamp::now());
    bench.measure("policy/check of the arguments alone", scene::arguments, async |arguments| {
        offer.tool().checker.check(Some(&arguments), now).is_ok()
    });
    Ok(())
}

fn layer<S>(bench: &mut Bench, name: &str, make: impl FnMut() -> Call, service: &S)
where
    S: Service<Call, Response = Outcome, Error = Refusal> + Clone,
{
    bench.measure(name, make, async |call| service.clone().oneshot(call).await.is_ok());
}
