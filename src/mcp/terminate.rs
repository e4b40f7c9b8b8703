//! The seam between the HTTP plane and the call plane: MCP is read here and answered here.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::{
    era::{self, Revision},
    handbook::Library,
    incoming::{Incoming, collect, is_json},
    jsonrpc::{self, Message, Params, text},
    method::Method,
    reply,
    response::{accepted, carried_out, ok, refused, refused_call},
};
use crate::call::{Arguments, Call};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::server::Server;

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
        let modern = |params: &Params<'_>| era::is_modern(&parts.headers, params);
        match jsonrpc::read(&body) {
            Err(broken) => Ok(refused(broken.id, &broken.refusal, modern(&Params::default()))),
            Ok(Message::Response) if modern(&Params::default()) => {
                // MCP 2026-07-28 `basic/transports/streamable-http`: servers ask nothing, so there is nothing to answer.
                let refusal = Refusal::InvalidRequest("expected a request, nobody was asked anything".into());
                Ok(refused(None, &refusal, true))
            }
            // Nothing hangs on a notification here: there is no session, and a call is cancelled by its connection.
            Ok(Message::Response | Message::Notification(_)) => Ok(accepted()),
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
            Method::ToolsList if begins(request.params.cursor) => {
                ok(reply::result(id, self.library.of(&identity.server).tools(revision)))
            }
            Method::ToolsList => {
                let refusal = Refusal::InvalidParams("unknown cursor, the list has one page".into());
                refused(Some(id), &refusal, revision.modern())
            }
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
            Ok(outcome) => carried_out(id, revision, &outcome),
            Err(refusal) => refused_call(id, revision, &refusal, trace, pass_status),
        }
    }
}

/// Does a cursor ask for the beginning of the list? All tools are on one page. An empty cursor is one
/// (MCP 2026-07-28 `server/utilities/pagination`), and some clients write `null` for none.
fn begins(cursor: Option<&RawValue>) -> bool {
    cursor.is_none_or(|cursor| cursor.get() == "null" || text(cursor).is_some_and(|text| text.is_empty()))
}
