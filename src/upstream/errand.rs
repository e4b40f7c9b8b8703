//! What all requests of one call share, and how one of them is made and judged.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri, header, uri::PathAndQuery};
use http_body_util::Full;
use pin_project_lite::pin_project;
use serde_json::{Map, Value};
use tower::Service;
use tracing::{Instrument, field, instrument::Instrumented};

use super::body::{self, Received};
use super::error::{self, ErrorAnswer};
use super::failure::Failure;
use super::meter::Ticket;
use super::plane::{Answer, Body, CallInfo, Destination, Request};
use super::split::{self, Parameter};
use super::stack::Stack;
use super::{ratelimit, retry};
use crate::account::Account;
use crate::catalog::tool::{Rest, Shape, Tool};
use crate::trace::TraceParent;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("chaperone/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ANY: HeaderValue = HeaderValue::from_static("*/*");

/// Headers of a usual request: one allocation for all of them.
const HEADERS: usize = 6;

/// Enough of an error's body to find its messages in.
const ERROR_BODY: usize = 64 << 10;

/// One call on its way to the account's API.
pub(super) struct Errand<'a> {
    /// The REST plane.
    pub(super) stack: &'a Stack,
    /// The account.
    pub(super) account: &'a Arc<Account>,
    /// The tool.
    pub(super) tool: &'a Tool,
    /// What the tool does.
    pub(super) rest: &'a Rest,
    /// The wall clock when the call came in.
    pub(super) now: jiff::Timestamp,
    /// The call's place in its trace.
    pub(super) trace: TraceParent,
    /// Largest answer in bytes.
    pub(super) max_response: usize,
    /// How often a read may be tried again.
    pub(super) retries: u32,
    /// What the layers have to know of the call.
    pub(super) call: &'a Arc<CallInfo>,
}

/// A good answer, read to its end.
pub(super) struct Reply {
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// Its body.
    pub(super) body: Bytes,
}

impl Errand<'_> {
    /// Make one request to the account's API and read its answer, which must be a success.
    ///
    /// # Errors
    /// How it failed; an error status is [`Failure::Remote`].
    pub(super) async fn fetch(&self, values: &Map<String, Value>, paging: &[Parameter<'_>]) -> Result<Reply, Failure> {
        let answer = self.send(|| self.request(values, paging), Destination::Account).await?;
        let ticket = self.call.meter.ticket(answer.ticket);
        let (head, body) = answer.http.into_parts();
        if !head.status.is_success() {
            return Err(Box::pin(self.unsuccessful(head, body, ticket)).await);
        }
        match body::read(body, self.max_response, ticket).await {
            Ok(Received { exceeds: true, .. }) => Err(Failure::TooLarge(self.max_response)),
            Ok(Received { bytes, .. }) => Ok(Reply { headers: head.headers, body: bytes }),
            Err((_, failure)) => Err(failure),
        }
    }

    /// The failure that an answer other than a success is.
    pub(super) async fn unsuccessful(&self, head: http::response::Parts, body: Body, ticket: Ticket<'_>) -> Failure {
        if !(head.status.is_client_error() || head.status.is_server_error()) {
            return Failure::Incomplete(format!("the answer has the status {}, expected a success", head.status));
        }
        // What of the body can be read is enough: the status is the answer.
        let text = match body::read(body, ERROR_BODY, ticket).await {
            Ok(received) => received.bytes,
            Err((text, _)) => text,
        };
        let answer = ErrorAnswer {
            head: &head,
            body: &text,
            budget: ratelimit::stated(self.account, &head.headers),
            now: self.now,
        };
        Failure::Remote(Box::new(error::remote(self.account, &answer, !self.tool.read_only)))
    }

    /// Send the request that `make` makes, and a read again where that is wanted and worth it. Its answer is counted; its
    /// body is still to be read.
    ///
    /// # Errors
    /// There was no connection, or no answer, or no request to send.
    pub(super) async fn send(
        &self,
        make: impl Fn() -> Result<http::Request<Full<Bytes>>, Failure>,
        destination: Destination,
    ) -> Result<Answer, Failure> {
        let http = make()?;
        let reads = self.tool.read_only && http.method().is_safe() && destination == Destination::Account;
        let result = self.send_once(http, destination, 0).await;
        if reads && self.retries > 0 && retry::worth(&result) {
            // Boxed: it is rare, and a call's future would have room for it.
            return Box::pin(self.send_again(make, result)).await;
        }
        result
    }

    async fn send_again(
        &self,
        make: impl Fn() -> Result<http::Request<Full<Bytes>>, Failure>,
        mut result: Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        for resend in 1..=self.retries {
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
    fn send_once(&self, http: http::Request<Full<Bytes>>, destination: Destination, resend: u32) -> Sent<'_> {
        let span = tracing::debug_span!(
            "upstream",
            "http.request.method" = %http.method(),
            "url.template" = %self.rest.path.text(),
            "server.address" = http.uri().host(),
            "http.response.status_code" = field::Empty,
        );
        let ticket = self.call.meter.sent(&http, destination, self.trace, resend);
        let trace = TraceParent { parent_id: ticket.span_id(), ..self.trace };
        let (account, call) = (self.account.clone(), self.call.clone());
        let request = Request { http, account, destination, trace, call, ticket: ticket.index() };
        // Every layer of this plane is always ready: what has to wait does so in its future.
        Sent { inner: self.stack.clone().call(request).instrument(span), ticket }
    }

    /// The request that these arguments make.
    ///
    /// # Errors
    /// An argument cannot be sent as it is.
    pub(super) fn request(
        &self,
        values: &Map<String, Value>,
        paging: &[Parameter<'_>],
    ) -> Result<http::Request<Full<Bytes>>, Failure> {
        let target = split::target(self.account.base_url.path(), self.rest, values, paging)?;
        let (body, content_type) = split::body(self.rest, values)?;
        let accept = if matches!(self.rest.result, Shape::Binary { .. }) { ANY } else { JSON };
        let mut request = request(&self.account.base_url, target, body)?;
        request.method_mut().clone_from(&self.rest.method);
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, accept);
        headers.extend(content_type.map(|value| (header::CONTENT_TYPE, value)));
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
        let mut result = ready!(this.inner.as_mut().poll(cx));
        match &mut result {
            Ok(answer) => {
                let status = answer.http.status().as_u16();
                this.inner.span().record("http.response.status_code", status);
                answer.ticket = this.ticket.index();
                this.ticket.answered(status, answer.remaining);
            }
            Err(failure) if failure.was_not_sent() => this.ticket.unsent(),
            Err(_) => this.ticket.ended(),
        }
        Poll::Ready(result)
    }
}

/// A GET to a target on the server of `base`.
///
/// # Errors
/// A bug: the parts make no URL.
pub(super) fn request(base: &Uri, target: PathAndQuery, body: Bytes) -> Result<http::Request<Full<Bytes>>, Failure> {
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(target);
    let uri = Uri::from_parts(parts).map_err(|error| Failure::Bug(format!("no URL: {error}")))?;
    let mut request = http::Request::new(Full::new(body));
    *request.uri_mut() = uri;
    request.headers_mut().reserve(HEADERS);
    request.headers_mut().insert(header::USER_AGENT, AGENT);
    request.headers_mut().insert(header::ACCEPT, ANY);
    Ok(request)
}
