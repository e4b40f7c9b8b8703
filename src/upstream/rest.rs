//! The REST upstream: carries calls out over HTTP, as the catalog says.

use std::{
    future::ready,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{BoxFuture, Either};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, error::Elapsed, timeout_at};
use tower::Service;

use super::connections::{Connections, Pool};
use super::cursor::{Paged, foreign};
use super::errand::Errand;
use super::failure::Failure;
use super::line::{Lines, Status};
use super::meter::Meter;
use super::page::Position;
use super::plane::CallInfo;
use super::shared::Plane;
use super::stack;
use super::{Config, binary, fan_out, outcome, page};
use crate::account::{Account, budget::Ledgers};
use crate::call::{Arguments, Call};
use crate::catalog::arguments::Checked;
use crate::catalog::{
    offer::Offer,
    tool::{Items, Operation, Shape},
};
use crate::outcome::{Content, Exchange, List, Outcome, Progress};
use crate::refusal::Refusal;
use crate::server::ServerKey;
use crate::trace::TraceParent;

/// The way to all upstreams. A clone shares its connections.
#[derive(Clone)]
pub struct Upstream(Arc<Plane>);

/// What of a call an upstream has to know: all of it granted and checked.
#[derive(Debug)]
pub struct Order {
    /// The MCP server that the call came to.
    pub server: ServerKey,
    /// The account to act for.
    pub account: Arc<Account>,
    /// The tool.
    pub offer: Offer,
    /// The arguments.
    pub arguments: Checked,
    /// The wall clock when the call came in.
    pub now: Timestamp,
    /// When an answer must be there.
    pub deadline: Instant,
    /// The call's place in its trace.
    pub trace: TraceParent,
    /// Counts what the upstream does for it.
    pub progress: Progress,
}

impl TryFrom<Call> for Order {
    type Error = Refusal;

    /// Refuses a call that nobody granted or checked: it is a bug that it came so far.
    fn try_from(call: Call) -> Result<Self, Refusal> {
        let offer = call.grant()?.clone();
        call.checked()?;
        let arguments = match call.arguments {
            Arguments::Checked(checked) => checked,
            Arguments::Raw(_) => return Err(Refusal::Internal("unchecked arguments".into())),
        };
        let (server, account) = (call.server.key, call.server.account.clone());
        let Call { now, deadline, trace, progress, .. } = call;
        Ok(Self { server, account, offer, arguments, now, deadline, trace, progress })
    }
}

impl Upstream {
    /// A way with no connection yet.
    ///
    /// # Errors
    /// What of the configuration cannot work, for a person.
    pub fn new(config: &Config) -> Result<Self, String> {
        let (ledgers, connections) = (Ledgers::default(), Connections::default());
        Ok(Self(Arc::new(Plane {
            stack: stack::build(config, ledgers.clone(), &connections)?,
            lines: Lines::new(config),
            retries: config.retries,
            ledgers,
            connections,
            max_response: config.max_response,
        })))
    }

    /// How it stands with every account that was called since the start, by id.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        self.0.lines.statuses()
    }

    /// The connections to every host that was connected to since the start.
    #[must_use]
    pub fn pools(&self) -> Vec<Pool> {
        self.0.connections.pools()
    }

    /// What upstreams said of the limits of their accounts.
    #[must_use]
    pub fn ledgers(&self) -> &Ledgers {
        &self.0.ledgers
    }

    /// Carry an order out. Dropping the future cancels its requests.
    ///
    /// # Errors
    /// The upstream refused or failed, or an argument cannot be sent as it is.
    pub fn carry_out(&self, order: Order) -> impl Future<Output = Result<Outcome, Refusal>> + Send + 'static {
        let Order { server, account, offer, mut arguments, now, deadline, trace, progress } = order;
        if let Operation::Static { blocks, structured, is_error } = &offer.tool().operation {
            let content =
                Content::Blocks { blocks: blocks.clone(), structured: structured.clone(), is_error: *is_error };
            return Either::Left(ready(Ok(Outcome { content, exchange: Exchange::none() })));
        }
        let plane = self.0.clone();
        let call = Arc::new(CallInfo {
            server,
            read_only: offer.tool().read_only,
            deadline,
            line: plane.lines.of(&account.id),
            meter: Meter::start(progress),
        });
        // No `async fn`, and every layer by reference: what a call holds while it waits is moved, and made room for.
        Either::Right(async move {
            let tool = offer.tool();
            let Operation::Rest(rest) = &tool.operation else {
                return Err(Refusal::Internal("a tool that asks no upstream was to ask one".into()));
            };
            let errand = Errand { plane: &plane, account: &account, tool, rest, now: &now, trace: &trace, call: &call };
            let result = timeout_at(call.deadline, content(&errand, &mut arguments)).await;
            plane.outcome(&account, &call, result)
        })
    }
}

impl Plane {
    fn outcome(
        &self,
        account: &Account,
        call: &CallInfo,
        result: Result<Result<Content, Failure>, Elapsed>,
    ) -> Result<Outcome, Refusal> {
        let time = || given(call.deadline.saturating_duration_since(call.meter.started()));
        let result = result.unwrap_or_else(|_| Err(Failure::Timeout(time())));
        let now = Instant::now();
        let mut exchange = call.meter.finish(now);
        if exchange.requests > 0 {
            exchange.budget = self.ledgers.of(account).known(now);
        }
        match result {
            Ok(content) => Ok(Outcome { content, exchange: Arc::new(exchange) }),
            Err(failure) => Err(failure.into_refusal(call.read_only, exchange)),
        }
    }
}

/// What the agent gets, by the shape that the catalog names. A call's future is as large as the largest of these, and
/// made anew for each: the rare ones are boxed.
async fn content(errand: &Errand<'_>, arguments: &mut Checked) -> Result<Content, Failure> {
    match (&errand.rest.result, &errand.rest.fan_out) {
        (Shape::List { items }, Some(all)) if arguments.values.get(&all.argument).is_none_or(Value::is_null) => {
            Box::pin(fan_out::list(errand, all, items, arguments)).await.map(Content::List)
        }
        (Shape::List { items }, _) => list(errand, items, arguments).await.map(Content::List),
        (Shape::Binary { inline_limit }, _) => Box::pin(binary::fetch(errand, &arguments.values, *inline_limit)).await,
        (Shape::Object, _) => {
            let reply = errand.fetch(&arguments.values, &[]).await?;
            outcome::object(errand.account, errand.rest.path.text(), reply)
        }
        (Shape::Deleted, _) => {
            errand.fetch(&arguments.values, &[]).await?;
            Ok(Content::Json(outcome::deleted(&errand.rest.path, &arguments.values)))
        }
    }
}

/// One page of a list.
async fn list(errand: &Errand<'_>, items: &Items, arguments: &mut Checked) -> Result<List, Failure> {
    let (paged, position) = Paged::open::<Position>(&errand.tool.name, arguments)?;
    if position.as_ref().is_some_and(|position| !position.suits(&errand.rest.paging)) {
        return Err(foreign());
    }
    let page = page::fetch(errand, items, paged.values, position.as_ref()).await?;
    let next_cursor = page.next.map(|next| paged.cursor(next)).transpose()?;
    Ok(List { items: page.items, next_cursor })
}

/// The time that a call had, for a sentence: what the layers before took of `30s` is not to make `29.98s` of it.
fn given(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis().div_ceil(100) * 100).unwrap_or(u64::MAX))
}

impl Service<Call> for Upstream {
    type Response = Outcome;
    type Error = Refusal;
    /// The one box of a call's road.
    type Future = BoxFuture<'static, Result<Outcome, Refusal>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        match Order::try_from(call) {
            Ok(order) => Box::pin(self.carry_out(order)),
            Err(refusal) => Box::pin(ready(Err(refusal))),
        }
    }
}
