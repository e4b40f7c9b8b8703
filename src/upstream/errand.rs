//! What all requests of one call share, and how one of them is made and judged.

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
    task::{self, Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::Either};
use http::{HeaderValue, Method, Uri, header, uri::PathAndQuery};
use pin_project_lite::pin_project;
use serde_json::{Map, Value};
use tokio::time::Instant;
use tower::Service;
use tracing::{Instrument, field, instrument::Instrumented};

use super::body::{self, Received};
use super::error::{self, ErrorAnswer};
use super::failure::Failure;
use super::fields::Fields;
use super::message::Outgoing;
use super::meter::Ticket;
use super::plane::{Answer, CallInfo, Destination, Request};
use super::shared::Plane;
use super::split::{self, Parameter};
use super::stack::Stack;
use super::{ratelimit, retry};
use crate::account::Account;
use crate::catalog::tool::{Rest, Shape, Tool};
use crate::outcome::Attempt;
use crate::trace::TraceParent;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("chaperone/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ANY: HeaderValue = HeaderValue::from_static("*/*");

/// Enough of an error's body to find its messages in.
const ERROR_BODY: usize = 64 << 10;

/// One call on its way to the account's API.
pub(super) struct Errand<'a> {
    /// The REST plane.
    pub(super) plane: &'a Plane,
    /// The account.
    pub(super) account: &'a Arc<Account>,
    /// The tool.
    pub(super) tool: &'a Tool,
    /// What the tool does.
    pub(super) rest: &'a Rest,
    /// The wall clock when the call came in.
    pub(super) now: &'a jiff::Timestamp,
    /// The call's place in its trace.
    pub(super) trace: &'a TraceParent,
    /// What the layers have to know of the call.
    pub(super) call: &'a Arc<CallInfo>,
}

/// A good answer, read to its end.
pub(super) struct Reply {
    /// Its header fields.
    pub(super) fields: Fields,
    /// Its body.
    pub(super) body: Bytes,
}

impl Errand<'_> {
    /// Make one request to the account's API and read its answer, which must be a success.
    ///
    /// # Errors
    /// How it failed; an error status is [`Failure::Remote`].
    pub(super) async fn fetch(&self, values: &Map<String, Value>, paging: &[Parameter<'_>]) -> Result<Reply, Failure> {
        let mut answer = self.send(|| self.request(values, paging), Destination::Account).await?;
        let ticket = self.call.meter.ticket(answer.ticket);
        if !answer.status.is_success() {
            return Err(Box::pin(self.unsuccessful(&mut answer, ticket)).await);
        }
        match body::read(&mut answer.body, self.plane.max_response, ticket).await {
            Ok(Received { exceeds: true, .. }) => Err(Failure::TooLarge(self.plane.max_response)),
            Ok(Received { bytes, .. }) => Ok(Reply { fields: answer.fields, body: bytes }),
            Err((_, failure)) => Err(failure),
        }
    }

    /// The failure that an answer other than a success is.
    pub(super) async fn unsuccessful(&self, answer: &mut Answer, ticket: Ticket<'_>) -> Failure {
        let Answer { status, fields, body, .. } = answer;
        if !(status.is_client_error() || status.is_server_error()) {
            return Failure::Incomplete(format!("the answer has the status {status}, expected a success"));
        }
        // What of the body can be read is enough: the status is the answer.
        let text = match body::read(body, ERROR_BODY, ticket).await {
            Ok(received) => received.bytes,
            Err((text, _)) => text,
        };
        let answer = ErrorAnswer {
            status: *status,
            fields,
            body: &text,
            budget: ratelimit::stated(self.account, fields),
            now: *self.now,
        };
        Failure::Remote(Box::new(error::remote(self.account, &answer, !self.tool.read_only)))
    }

    /// Send the request that `make` makes, and a read again where that is wanted and worth it. Its answer is counted; its
    /// body is still to be read.
    ///
    /// # Errors
    /// There was no connection, or no answer, or no request to send.
    pub(super) fn send<'s>(
        &'s self,
        make: impl Fn() -> Result<Outgoing, Failure> + Send + 's,
        destination: Destination,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send + 's {
        let reads = self.tool.read_only && self.rest.method.is_safe() && destination == Destination::Account;
        if reads && self.plane.retries > 0 {
            // Boxed: few want it, and every call's future would have room for it.
            return Either::Right(self.send_again(make).boxed());
        }
        match make() {
            Ok(http) => Either::Left(self.send_once(http, destination, 0)),
            Err(failure) => Either::Right(ready(Err(failure)).boxed()),
        }
    }

    async fn send_again(&self, make: impl Fn() -> Result<Outgoing, Failure>) -> Result<Answer, Failure> {
        let mut result = self.send_once(make()?, Destination::Account, 0).await;
        for resend in 1..=self.plane.retries {
            let pause = if retry::worth(&result) { retry::pause(resend, self.call.deadline) } else { None };
            let Some(pause) = pause else { break };
            // An answer that nobody reads must not hold its slot during the pause.
            drop(result);
            tokio::time::sleep(pause).await;
            result = self.send_once(make()?, Destination::Account, resend).await;
        }
        result
    }

    /// Send a request once.
    fn send_once(&self, http: Outgoing, destination: Destination, resend: u32) -> Sent<'_> {
        let span = tracing::debug_span!(
            "upstream",
            "http.request.method" = %http.method,
            "url.template" = %self.rest.path.text(),
            "server.address" = http.uri.host(),
            "http.response.status_code" = field::Empty,
        );
        let begun = Instant::now();
        let ticket = self.call.meter.sent(
            *self.trace,
            Attempt {
                span_id: 0,
                method: http.method.clone(),
                elsewhere: (destination == Destination::Elsewhere).then(|| http.address()),
                resend,
                status: None,
                remaining: None,
                begun: begun.into_std(),
                duration: Attempt::UNDER_WAY,
            },
        );
        let trace = TraceParent { parent_id: ticket.span_id(), ..*self.trace };
        let (account, call) = (self.account.clone(), self.call.clone());
        let request = Request { http, account, destination, trace, call, ticket: ticket.index(), begun };
        // Every layer of this plane is always ready: what has to wait does so in its future.
        Sent { inner: self.plane.stack.clone().call(request).instrument(span), ticket }
    }

    /// The request that these arguments make.
    ///
    /// # Errors
    /// An argument cannot be sent as it is.
    pub(super) fn request(&self, values: &Map<String, Value>, paging: &[Parameter<'_>]) -> Result<Outgoing, Failure> {
        let target = split::target(self.account.base_url.path(), self.rest, values, paging)?;
        let (body, content_type) = split::body(self.rest, values)?;
        let accept = if matches!(self.rest.result, Shape::Binary { .. }) { ANY } else { JSON };
        let mut request = request(self.rest.method.clone(), &self.account.base_url, target, body)?;
        request.set(header::ACCEPT, accept);
        if let Some(value) = content_type {
            request.set(header::CONTENT_TYPE, value);
        }
        Ok(request)
    }
}

pin_project! {
    /// A request on its way: tells the meter how it fares. By hand, because an `async fn` would hold the request twice.
    struct Sent<'a> {
        #[pin]
        inner: Instrumented<<Stack as Service<Request>>::Future>,
        ticket: Ticket<'a>,
    }
}

impl Future for Sent<'_> {
    type Output = Result<Answer, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut result = task::ready!(this.inner.as_mut().poll(cx));
        match &mut result {
            Ok(answer) => {
                let status = answer.status.as_u16();
                this.inner.span().record("http.response.status_code", status);
                answer.ticket = this.ticket.index();
                this.ticket.answered(status, answer.remaining, answer.at);
            }
            Err(failure) if failure.was_not_sent() => this.ticket.unsent(Instant::now()),
            Err(_) => this.ticket.ended(Instant::now()),
        }
        Poll::Ready(result)
    }
}

/// A request to a target on the server of `base`.
///
/// # Errors
/// A bug: the parts make no URL.
pub(super) fn request(method: Method, base: &Uri, target: PathAndQuery, body: Bytes) -> Result<Outgoing, Failure> {
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(target);
    let uri = Uri::from_parts(parts).map_err(|error| Failure::Bug(format!("no URL: {error}")))?;
    let mut request = Outgoing::new(method, uri, body);
    request.set(header::USER_AGENT, AGENT);
    request.set(header::ACCEPT, ANY);
    Ok(request)
}
