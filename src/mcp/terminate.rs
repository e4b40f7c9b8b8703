//! The seam between the HTTP plane and the call plane: MCP is read here and answered here.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use tower::{Service, ServiceExt};

use super::{
    era::{self, Revision},
    fault::{self, Answer},
    handbook::Library,
    jsonrpc::{self, Message, text},
    method::Method,
    reply,
};
use crate::budget::Budget;
use crate::call::{Arguments, Call, Caller};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::server::Server;
use crate::trace::TraceParent;

/// Whom the request is for and from, put into its extensions by the layer that identifies it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The MCP server.
    pub server: Arc<Server>,
    /// Name of the API token, where one was asked for.
    pub api_token: Option<Arc<str>>,
    /// The wall clock when the request was let in.
    pub now: Timestamp,
}

/// What the seam is set to.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Time for a request from its head to its answer.
    pub call_timeout: Duration,
}

/// Terminates MCP and hands every `tools/call` to the call plane.
#[derive(Clone, Debug)]
pub struct Terminate<C> {
    calls: C,
    library: Library,
    config: Config,
}

impl<C> Terminate<C> {
    /// A seam in front of the call plane.
    pub fn new(calls: C, config: Config) -> Self {
        Self { calls, library: Library::default(), config }
    }
}

impl<C, B> Service<Request<B>> for Terminate<C>
where
    C: Service<Call, Response = Outcome, Error = Refusal> + Clone + Send + 'static,
    C::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Refusal;
    type Future = BoxFuture<'static, Result<Self::Response, Refusal>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        // The call plane is asked once the call is known; shedding happens further out.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let this = self.clone();
        Box::pin(this.answer(request))
    }
}

impl<C> Terminate<C>
where
    C: Service<Call, Response = Outcome, Error = Refusal>,
{
    async fn answer<B>(self, request: Request<B>) -> Result<Response<Full<Bytes>>, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let deadline = Instant::now() + self.config.call_timeout;
        let (mut parts, body) = request.into_parts();
        let identity = parts.extensions.remove::<Identity>();
        let identity = identity.ok_or_else(|| Refusal::Internal("a request reached the seam unidentified".into()))?;
        is_json(&parts.headers)?;
        let body = collect(body, self.config.max_body, deadline).await?;
        let modern = |params| era::is_modern(&parts.headers, params);
        match jsonrpc::read(&body) {
            Err(broken) => Ok(refused(broken.id, &broken.refusal, modern(&jsonrpc::Params::default()))),
            Ok(Message::Response | Message::Notification(_)) => Ok(empty(StatusCode::ACCEPTED)),
            Ok(Message::Request(request)) => {
                let id = request.id.ok_or_else(|| Refusal::Internal("a request without id".into()))?;
                let modern = modern(&request.params);
                let routed = era::route(&parts.headers, &request);
                let (revision, method) = match routed {
                    Ok(routed) => routed,
                    Err(refusal) => return Ok(refused(Some(id), &refusal, modern)),
                };
                let message = Incoming { id, revision, request: &request, headers: &parts.headers };
                Ok(self.dispatch(method, &message, identity, deadline).await)
            }
        }
    }

    async fn dispatch(
        self,
        method: Method,
        message: &Incoming<'_>,
        identity: Identity,
        deadline: Instant,
    ) -> Response<Full<Bytes>> {
        let Incoming { id, revision, request, .. } = *message;
        match method {
            Method::Initialize => {
                let handbook = self.library.of(&identity.server);
                ok(reply::result(id, handbook.initialize(Revision::negotiate(&request.params))))
            }
            Method::Ping => ok(reply::result(id, "{}")),
            Method::Discover => ok(reply::result(id, self.library.of(&identity.server).discover())),
            Method::ToolsList => match request.params.cursor.map(text) {
                // All tools are on one page; MCP allows an empty cursor.
                None => ok(reply::result(id, self.library.of(&identity.server).tools(revision))),
                Some(Some(cursor)) if cursor.is_empty() => {
                    ok(reply::result(id, self.library.of(&identity.server).tools(revision)))
                }
                Some(_) => refused(
                    Some(id),
                    &Refusal::InvalidParams("unknown cursor, the list has one page".into()),
                    revision.modern(),
                ),
            },
            Method::ToolsCall => self.tools_call(message, identity, deadline).await,
        }
    }

    async fn tools_call(self, message: &Incoming<'_>, identity: Identity, deadline: Instant) -> Response<Full<Bytes>> {
        let Incoming { id, revision, .. } = *message;
        let Some(asked) = message.request.params.name.and_then(text) else {
            let refusal = Refusal::InvalidParams("expected params.name, the name of a tool, as a string".into());
            return refused(Some(id), &refusal, revision.modern());
        };
        let trace = message.trace();
        let pass_status = identity.server.rate_limit_status;
        let call = Call {
            caller: message.caller(identity.api_token),
            server: identity.server,
            asked: asked.into_owned(),
            arguments: Arguments::Raw(message.request.params.arguments.map(ToOwned::to_owned)),
            granted: None,
            now: identity.now,
            deadline,
            trace,
        };
        match self.calls.oneshot(call).await {
            Ok(outcome) => {
                let mut response = ok(reply::tool(id, revision, &outcome.content));
                write_budget(&mut response, Some(&outcome.exchange.budget));
                response
            }
            Err(refusal) => refused_call(id, revision, &refusal, trace, pass_status),
        }
    }
}

/// A request and what surrounds it.
#[derive(Clone, Copy)]
struct Incoming<'b> {
    id: &'b RawValue,
    revision: Revision,
    request: &'b jsonrpc::Request<'b>,
    headers: &'b HeaderMap,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientInfo {
    name: Option<String>,
    version: Option<String>,
}

impl Incoming<'_> {
    /// The trace of `_meta.traceparent` (SEP-414), else of the header, else a new one.
    fn trace(&self) -> TraceParent {
        let meta = self.request.params.meta.as_ref().and_then(|meta| meta.traceparent).and_then(text);
        let header =
            || self.headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(TraceParent::parse);
        meta.as_deref().and_then(TraceParent::parse).or_else(header).map_or_else(TraceParent::fresh, TraceParent::child)
    }

    /// Who calls, as far as a stateless server is told: `clientInfo` since 2026-07-28, else the User-Agent.
    fn caller(&self, api_token: Option<Arc<str>>) -> Caller {
        let info = self.request.params.meta.as_ref().and_then(|meta| meta.client_info);
        let info: ClientInfo = info.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let agent =
            || self.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        Caller { api_token, client: info.name.or_else(agent), client_version: info.version }
    }
}

/// `Content-Type`, where there is one, must be JSON: a browser cannot send that across origins without asking first.
fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    if essence.trim_ascii().eq_ignore_ascii_case(b"application/json") { Ok(()) } else { Err(Refusal::MediaType) }
}

async fn collect<B>(body: B, limit: usize, deadline: Instant) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::BodyTooLarge { limit });
    }
    match timeout_at(deadline, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge { limit }),
        Ok(Err(_)) | Err(_) => Err(Refusal::BodyIncomplete),
    }
}

fn ok(body: Bytes) -> Response<Full<Bytes>> {
    json(StatusCode::OK, body)
}

/// A JSON response.
pub(super) fn json(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// The JSON-RPC error of a refusal that is not of a tool; the id is echoed where it is known.
#[must_use]
pub fn refused(id: Option<&RawValue>, refusal: &Refusal, modern: bool) -> Response<Full<Bytes>> {
    match fault::answer(refusal, modern) {
        Answer::Protocol { status, code, message, data } => {
            json(status, reply::error(id, code, &message, data.as_ref()))
        }
        // Only calls end in tool results, and those have `refused_call`.
        Answer::Tool(map) => json(StatusCode::OK, reply::error(id, -32603, "Internal error", Some(&map.into()))),
    }
}

fn refused_call(
    id: &RawValue,
    revision: Revision,
    refusal: &Refusal,
    trace: TraceParent,
    pass_status: bool,
) -> Response<Full<Bytes>> {
    let Answer::Tool(mut map) = fault::answer(refusal, revision.modern()) else {
        return refused(Some(id), refusal, revision.modern());
    };
    map.insert("trace_id".into(), trace.trace_id().into());
    let (limited, retry_after) = match refusal {
        Refusal::Remote(remote) => (remote.status == 429, remote.retry_after),
        _ => (false, None),
    };
    let body = serde_json::Value::Object(map).to_string();
    let status = if limited && pass_status { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
    let mut response = json(status, reply::tool_json(id, revision, body.as_bytes(), true));
    write_budget(&mut response, refusal.exchange().map(|exchange| &exchange.budget));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn write_budget(response: &mut Response<Full<Bytes>>, budget: Option<&Budget>) {
    if let Some(bucket) = budget.and_then(Budget::nearest) {
        bucket.write(response.headers_mut());
    }
}
