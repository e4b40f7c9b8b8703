//! Refuses a call that a limit has no room for: nothing is sent, and nothing of any limit is spent.
//!
//! Two kinds of limits are looked at. What the vendor said of the account ([`Ledgers`]): while one of its buckets is
//! known to be empty, it need not be asked again to hear so. And our own: per MCP server, account and API token, each a
//! [`Rate`](crate::rate::Rate), all charged or none.

mod charge;
mod gcra;
mod local;

use std::{
    future::{self, Future, Ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::future::Either;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::account::budget::Ledgers;
use crate::budget::{Bucket, Budget};
use crate::call::Call;
use crate::outcome::Outcome;
use crate::refusal::{Limited, Refusal, Whose};
use local::Local;

/// What limits are set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Refuse here while the vendor's limit is known to be used up (`limits.fail_fast`).
    pub fail_fast: bool,
}

impl Default for Config {
    fn default() -> Self {
        // An agent in a loop would otherwise spend its time, and the vendor's patience, on certain refusals.
        Self { fail_fast: true }
    }
}

/// All that is counted. It outlives every reload; a clone counts with it.
#[derive(Clone, Debug)]
pub struct Counter(Arc<State>);

#[derive(Debug)]
struct State {
    fail_fast: bool,
    local: Local,
}

impl Counter {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self(Arc::new(State { fail_fast: config.fail_fast, local: Local::new() }))
    }

    /// Charge a call. Comes back with the one of our own limits that is nearest to exhaustion, if there is any.
    fn charge(&self, call: &Call, ledgers: &Ledgers) -> Result<Option<Bucket>, Refusal> {
        if self.0.fail_fast
            && let Some(bucket) = ledgers.of(&call.server.account).empty(Instant::now())
        {
            let rule = format!("limits.fail_fast: `{}` is used up", bucket.scope);
            return Err(Refusal::Limited(Box::new(Limited { bucket, rule, whose: Whose::Vendor })));
        }
        let charges = charge::charges(call)?;
        if charges.is_empty() {
            return Ok(None);
        }
        let standings = self.0.local.take(&charges).map_err(|(n, standing)| charges[n].refusal(standing))?;
        let buckets = charges.iter().zip(standings).map(|(charge, standing)| charge.bucket(standing));
        Ok(Budget(buckets.collect()).into_nearest())
    }
}

/// Layer of [`Quota`].
#[derive(Clone, Debug)]
pub struct QuotaLayer {
    counter: Counter,
    ledgers: Ledgers,
}

/// A layer that charges calls on `counter` and looks at what vendors said in `ledgers`.
#[must_use]
pub fn layer(counter: Counter, ledgers: Ledgers) -> QuotaLayer {
    QuotaLayer { counter, ledgers }
}

impl<S> Layer<S> for QuotaLayer {
    type Service = Quota<S>;

    fn layer(&self, inner: S) -> Quota<S> {
        Quota { inner, limits: self.clone() }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Quota<S> {
    inner: S,
    limits: QuotaLayer,
}

impl<S: Service<Call, Response = Outcome, Error = Refusal>> Service<Call> for Quota<S> {
    type Response = Outcome;
    type Error = Refusal;
    type Future = Either<Charged<S::Future>, Ready<Result<Outcome, Refusal>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        match self.limits.counter.charge(&call, &self.limits.ledgers) {
            Ok(own) => Either::Left(Charged { inner: self.inner.call(call), own }),
            Err(refusal) => Either::Right(future::ready(Err(refusal))),
        }
    }
}

pin_project! {
    /// Future of a call that was charged: tells with its answer how our own limits stand.
    #[derive(Debug)]
    pub struct Charged<F> {
        #[pin]
        inner: F,
        own: Option<Bucket>,
    }
}

impl<F: Future<Output = Result<Outcome, Refusal>>> Future for Charged<F> {
    type Output = Result<Outcome, Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let Some(own) = this.own.take() {
            match &mut result {
                Ok(outcome) => outcome.exchange.budget.0.push(own),
                Err(refusal) => refusal.add_bucket(own),
            }
        }
        Poll::Ready(result)
    }
}
