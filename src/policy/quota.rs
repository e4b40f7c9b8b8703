//! Refuses a call that a limit has no room for: nothing is sent, and nothing of any limit is spent.
//!
//! Two kinds of limits are looked at. What the vendor said of the account ([`Ledgers`]): while one of its buckets is
//! known to be empty, it need not be asked again to hear so. And our own: per MCP server, account and API token, each a
//! [`Rate`](crate::rate::Rate), all charged or none.

mod charge;
mod gcra;
mod local;
mod own;
mod shared;

use std::{
    future::{self, Future, Ready},
    mem,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::future::{BoxFuture, Either};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::account::budget::{Ledgers, Statement};
use crate::budget::{Bucket, Budget};
use crate::call::Call;
use crate::outcome::Outcome;
use crate::refusal::{Limited, Refusal};
use crate::secret::{Secret, Source};
use charge::Charge;
use gcra::Standing;
use local::Local;
use shared::Shared;

/// What limits are set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The store that replicas share (`shared`); `None` counts in this process alone.
    pub shared: Option<SharedConfig>,
    /// Refuse here while the vendor's limit is known to be used up (`limits.fail_fast`).
    pub fail_fast: bool,
}

impl Default for Config {
    fn default() -> Self {
        // An agent in a loop would otherwise spend its time, and the vendor's patience, on certain refusals.
        Self { fail_fast: true, shared: None }
    }
}

/// Where limits are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedConfig {
    /// The URL of the store.
    pub url: Address,
    /// Among how many replicas limits are divided while the store is out of reach (`shared.replicas`).
    pub replicas: u32,
    /// Time for an answer of the store (`shared.timeout`).
    pub timeout: Duration,
    /// PEM file of the certificate authorities to trust instead of the web's (`shared.ca_file`).
    pub ca_file: Option<PathBuf>,
}

/// The URL of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Without a password.
    Plain(String),
    /// Found there, since it may hold a password.
    Secret(Source),
}

/// All that is counted. It outlives every reload; a clone counts with it.
#[derive(Clone, Debug)]
pub struct Counter(Arc<State>);

#[derive(Debug)]
struct State {
    fail_fast: bool,
    local: Local,
    shared: Option<Arc<Shared>>,
}

impl Counter {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// The URL of the shared store cannot be found or is none, for a person.
    pub fn new(config: &Config) -> Result<Self, String> {
        let shared = config.shared.as_ref().map(|shared| {
            let url = match &shared.url {
                Address::Plain(url) => Secret::new(url.as_str()),
                Address::Secret(source) => source.fetch()?,
            };
            Shared::new(url.expose(), shared).map(Arc::new)
        });
        let shared = shared.transpose()?;
        Ok(Self(Arc::new(State { fail_fast: config.fail_fast, local: Local::new(), shared })))
    }

    /// Stay connected to the shared store, for ever; ends at once where there is none.
    pub async fn keep_connected(self) {
        if let Some(shared) = self.0.shared.clone() {
            shared.keep_connected().await;
        }
    }

    /// Is the shared store within reach? `None` where there is none.
    #[must_use]
    pub fn is_shared(&self) -> Option<bool> {
        self.0.shared.as_ref().map(|shared| shared.is_reached())
    }

    /// Charge a call. Comes back with the one of our own limits that is nearest to exhaustion, if there is any.
    fn charge(&self, call: &Call, ledgers: &Ledgers) -> Result<Option<Bucket>, Refusal> {
        self.vendor(call, ledgers)?;
        let charges = charge::charges(call)?;
        if charges.is_empty() {
            return Ok(None);
        }
        let Some(shared) = &self.0.shared else { return judged(&charges, |charges| self.0.local.take(charges)) };
        let own = judged(&charge::divided(&charges, shared.replicas()), |charges| self.0.local.take(charges))?;
        shared.own().passed(&charges, true);
        Ok(own)
    }

    /// As [`Counter::charge`], together with the other replicas.
    async fn charge_shared(&self, shared: &Shared, call: &Call, ledgers: &Ledgers) -> Result<Option<Bucket>, Refusal> {
        self.vendor(call, ledgers)?;
        let (account, charges) = (&call.server.account, charge::charges(call)?);
        let Some(taken) = shared.take(account.identity(), &charges, self.0.fail_fast).await else {
            return self.charge(call, ledgers);
        };
        let heard = taken.vendor.into_iter().map(Statement::Limited);
        ledgers.hear(account, heard, Instant::now());
        let Some(limits) = taken.limits else {
            self.vendor(call, ledgers)?;
            // Its window has ended on the way back.
            return self.charge(call, ledgers);
        };
        let own = judged(&charges, |_| limits)?;
        // So that this process knows what it has spent, should the store go.
        self.0.local.record(&charge::divided(&charges, shared.replicas()));
        shared.own().passed(&charges, false);
        Ok(own)
    }

    /// Refuse while a bucket of the vendor is known to be empty.
    fn vendor(&self, call: &Call, ledgers: &Ledgers) -> Result<(), Refusal> {
        let empty = || ledgers.of(&call.server.account).empty_now();
        match self.0.fail_fast.then(empty).flatten() {
            None => Ok(()),
            Some(bucket) => Err(Refusal::Limited(Box::new(Limited::vendor(bucket)))),
        }
    }

    /// The store, while it is within reach.
    fn reached(&self) -> Option<Arc<Shared>> {
        self.0.shared.clone().filter(|shared| shared.is_reached())
    }
}

/// The bucket nearest to exhaustion of those that were charged, or the refusal of the one that has no room.
fn judged(
    charges: &[Charge<'_>],
    take: impl FnOnce(&[Charge<'_>]) -> Result<Vec<Standing>, (usize, Standing)>,
) -> Result<Option<Bucket>, Refusal> {
    let standings = take(charges).map_err(|(n, standing)| charges[n].refusal(standing))?;
    let buckets = charges.iter().zip(standings).map(|(charge, standing)| charge.bucket(standing));
    Ok(Budget(buckets.collect()).into_nearest())
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
    if let Some(shared) = &counter.0.shared {
        ledgers.tell(shared.outbox());
    }
    if counter.0.fail_fast {
        // What is on its way by then, in a queue or with more requests to make, is stopped at the last gate.
        ledgers.fail_fast();
    }
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

impl<S> Service<Call> for Quota<S>
where
    S: Service<Call, Response = Outcome, Error = Refusal> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Outcome;
    type Error = Refusal;
    type Future = Either<
        Either<Charged<S::Future>, Ready<Result<Outcome, Refusal>>>,
        BoxFuture<'static, Result<Outcome, Refusal>>,
    >;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        if let Some(shared) = self.limits.counter.reached() {
            let inner = self.inner.clone();
            let mut inner = mem::replace(&mut self.inner, inner);
            let QuotaLayer { counter, ledgers } = self.limits.clone();
            return Either::Right(Box::pin(async move {
                let own = counter.charge_shared(&shared, &call, &ledgers).await?;
                Charged { inner: inner.call(call), own }.await
            }));
        }
        Either::Left(match self.limits.counter.charge(&call, &self.limits.ledgers) {
            Ok(own) => Either::Left(Charged { inner: self.inner.call(call), own }),
            Err(refusal) => Either::Right(future::ready(Err(refusal))),
        })
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
                Ok(outcome) => Arc::make_mut(&mut outcome.exchange).budget.0.push(own),
                Err(refusal) => refusal.add_bucket(own),
            }
        }
        Poll::Ready(result)
    }
}
