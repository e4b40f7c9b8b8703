//! Converts and checks the arguments of a call against its tool; nothing unchecked goes further.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::future::Either;
use tower::{
    Service,
    layer::{LayerFn, layer_fn},
};

use crate::call::{Arguments, Call};
use crate::refusal::Refusal;

/// Layer of [`CheckArguments`].
#[must_use]
pub fn layer<S>() -> LayerFn<fn(S) -> CheckArguments<S>> {
    layer_fn(|inner| CheckArguments { inner })
}

/// See the module.
#[derive(Clone, Debug)]
pub struct CheckArguments<S> {
    inner: S,
}

impl<S: Service<Call, Error = Refusal>> Service<Call> for CheckArguments<S> {
    type Response = S::Response;
    type Error = Refusal;
    type Future = Either<S::Future, Ready<Result<S::Response, Refusal>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        match check(&call) {
            Ok(Some(checked)) => call.arguments = checked,
            Ok(None) => {}
            Err(refusal) => return Either::Right(ready(Err(refusal))),
        }
        Either::Left(self.inner.call(call))
    }
}

fn check(call: &Call) -> Result<Option<Arguments>, Refusal> {
    let Arguments::Raw(raw) = &call.arguments else { return Ok(None) };
    let tool = call.grant()?.tool();
    let checked = tool.checker.check(raw.as_deref(), call.now).map_err(Refusal::Arguments)?;
    Ok(Some(Arguments::Checked(checked)))
}
