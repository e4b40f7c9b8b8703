//! Grants a call its tool, or refuses it: what a server does not show cannot be called either.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::future::Either;
use tower::{
    Service,
    layer::{LayerFn, layer_fn},
};

use crate::call::Call;
use crate::nearest::nearest;
use crate::refusal::Refusal;
use crate::server::Decision;

/// Layer of [`Authorize`].
#[must_use]
pub fn layer<S>() -> LayerFn<fn(S) -> Authorize<S>> {
    layer_fn(|inner| Authorize { inner })
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Authorize<S> {
    inner: S,
}

impl<S: Service<Call, Error = Refusal>> Service<Call> for Authorize<S> {
    type Response = S::Response;
    type Error = Refusal;
    type Future = Either<S::Future, Ready<Result<S::Response, Refusal>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        debug_assert_eq!(
            call.place,
            call.server.place(&call.asked),
            "the place is that of the tool that was asked for"
        );
        let offer = match call.server.decision(call.place) {
            Decision::Allowed { offer, .. } => offer.clone(),
            Decision::Hidden { rule } => return refuse(&call, Some(rule)),
            Decision::Unknown => return refuse(&call, None),
        };
        call.granted = Some(offer);
        Either::Left(self.inner.call(call))
    }
}

/// The two cases differ in the log alone; the caller sees the nearest name it may use.
fn refuse<F, T>(call: &Call, hidden_by: Option<&str>) -> Either<F, Ready<Result<T, Refusal>>> {
    let names = call.server.visible().map(|tool| &*tool.name);
    let refusal = Refusal::UnknownTool {
        asked: call.asked.to_string(),
        nearest: nearest(&call.asked, names).map(ToOwned::to_owned),
        hidden_by: hidden_by.map(ToOwned::to_owned),
    };
    Either::Right(ready(Err(refusal)))
}
