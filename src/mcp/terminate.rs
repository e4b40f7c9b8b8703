//! The seam between the HTTP plane and the call plane: MCP is read here and answered here.

use std::{
    future::{Future, ready},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, request};
use http_body::Body;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::{
    body::Body as ResponseBody,
    era::{self, Revision},
    handbook::Library,
    incoming::{Incoming, collect, is_json},
    jsonrpc::{self, Message, Params, text},
    method::Method,
    reply,
    response::{accepted, carried_out, ok, refused, refused_call},
};
use crate::call::{Arguments, Call};
use crate::outcome::{Outcome, Progress};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::telemetry::{
    finished::{Captured, Failure, Finished, OTHER},
    observer::Observer,
};
use crate::trace::TraceParent;

/// A request of which it is known whom it is for and from: no other comes to the seam.
#[derive(Debug)]
pub struct Identified<B> {
    /// The request.
    pub http: Request<B>,
    /// Whom it is for and from.
    pub identity: Identity,
}

/// Whom a request is for and from.
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
    observer: Observer,
}

impl<C> Terminate<C> {
    /// A seam in front of the call plane.
    pub fn new(calls: C, config: Config, observer: Observer) -> Self {
        let library = Library::default();
        let counted = library.clone();
        let about = "Answers to tools/list, initialize and server/discover from memory, and made anew";
        observer.metrics().counter("chaperone.handbook.cache", about, move || counted.readings());
        Self { calls, library, config, observer }
    }
}

impl<C, B> Service<Identified<B>> for Terminate<C>
where
    C: Service<Call, Response = Outcome, Error = Refusal> + Clone + Send + 'static,
    C::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Refusal;
    type Future = BoxFuture<'static, Result<Self::Response, Refusal>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        // The call plane is asked once the call is known; shedding happens further out.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Identified { http, identity }: Identified<B>) -> Self::Future {
        let (parts, body) = http.into_parts();
        if let Err(refusal) = is_json(&parts.headers) {
            return Box::pin(ready(Err(refusal)));
        }
        Box::pin(self.clone().answer(parts, body, identity))
    }
}

/// What becomes of a request once it is read.
enum Step<'b> {
    /// It has its answer.
    Answered(Response<ResponseBody>),
    /// It is a call, to be carried out first.
    Called(Called<'b>, Call),
}

/// What the answer to a call needs to know of its request.
struct Called<'b> {
    id: &'b RawValue,
    revision: Revision,
    trace: TraceParent,
    pass_status: bool,
}

impl<C> Terminate<C>
where
    C: Service<Call, Response = Outcome, Error = Refusal>,
{
    /// The one thing on the road that waits for its request and for its answer, and does all else in one go.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would have room for its arguments twice")]
    fn answer<B>(
        self,
        parts: request::Parts,
        body: B,
        identity: Identity,
    ) -> impl Future<Output = Result<Response<ResponseBody>, Refusal>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        async move {
            let begun = Instant::now();
            let body = collect(body, self.config.max_body, begun + self.config.call_timeout).await?;
            let (Called { id, revision, trace, pass_status }, calling) =
                match self.read(&parts, &body, identity, begun)? {
                    Step::Answered(response) => return Ok(response),
                    Step::Called(called, call) => (called, self.calls.oneshot(call)),
                };
            Ok(match calling.await {
                Ok(outcome) => carried_out(id, revision, &outcome),
                Err(refusal) => refused_call(id, revision, &refusal, trace, pass_status),
            })
        }
    }
}

impl<C> Terminate<C> {
    fn read<'b>(
        &self,
        parts: &request::Parts,
        body: &'b Bytes,
        identity: Identity,
        begun: Instant,
    ) -> Result<Step<'b>, Refusal> {
        let modern = |params: &Params<'_>| era::is_modern(&parts.headers, params);
        let response = match jsonrpc::read(body) {
            Err(broken) => {
                self.observer.turned_away(&broken.refusal);
                refused(broken.id, &broken.refusal, modern(&Params::default()))
            }
            Ok(Message::Response) if modern(&Params::default()) => {
                // MCP 2026-07-28 `basic/transports/streamable-http`: servers ask nothing, so there is nothing to answer.
                let refusal = Refusal::InvalidRequest("expected a request, nobody was asked anything".into());
                self.observer.turned_away(&refusal);
                refused(None, &refusal, true)
            }
            // Nothing hangs on a notification here: there is no session, and a call is cancelled by its connection.
            Ok(Message::Response | Message::Notification(_)) => accepted(),
            Ok(Message::Request(request)) => {
                let id = request.id.ok_or_else(|| Refusal::Internal("a request without id".into()))?;
                let modern = modern(&request.params);
                let http = version(parts.version);
                let message = |revision| Incoming { id, revision, request: &request, http, headers: &parts.headers };
                match era::route(&parts.headers, &request) {
                    Ok((revision, method)) => return Ok(self.dispatch(method, &message(revision), identity, begun)),
                    Err(refusal) => {
                        let revision = if modern { Revision::V2026July } else { Revision::V2025November };
                        let method = Method::named(&request.method).map_or(OTHER, Method::name);
                        self.tell(&message(revision), (method, identity), begun, Some(&refusal));
                        refused(Some(id), &refusal, modern)
                    }
                }
            }
        };
        Ok(Step::Answered(response))
    }

    fn dispatch<'b>(&self, method: Method, message: &Incoming<'_, 'b>, identity: Identity, begun: Instant) -> Step<'b> {
        let Incoming { id, revision, request, .. } = *message;
        let library = || self.library.of(&identity.server);
        let answer = match method {
            Method::Initialize => ok(reply::result(id, library().initialize(Revision::negotiate(&request.params)))),
            Method::Ping => ok(reply::result(id, &Bytes::from_static(b"{}"))),
            Method::Discover => ok(reply::result(id, library().discover())),
            Method::ToolsList if begins(request.params.cursor) => ok(reply::result(id, library().tools(revision))),
            Method::ToolsList => {
                let refusal = Refusal::InvalidParams("unknown cursor, the list has one page".into());
                self.tell(message, (method.name(), identity), begun, Some(&refusal));
                return Step::Answered(refused(Some(id), &refusal, revision.modern()));
            }
            Method::ToolsCall => return self.tools_call(message, identity, begun),
        };
        self.tell(message, (method.name(), identity), begun, None);
        Step::Answered(answer)
    }

    /// Tell that a request is over which is no call: calls are told of further in.
    fn tell(
        &self,
        message: &Incoming<'_, '_>,
        (method, identity): (&'static str, Identity),
        begun: Instant,
        refusal: Option<&Refusal>,
    ) {
        let (trace, origin) = message.trace(self.observer.sampling());
        let duration = begun.elapsed();
        self.observer.answered(&Finished {
            caller: message.caller(identity.api_token),
            server: identity.server,
            origin,
            trace,
            method,
            asked: None,
            begun_at: SystemTime::now() - duration,
            begun: begun.into_std(),
            duration,
            failure: refusal.map(Failure::of),
            exchange: Arc::default(),
            captured: Captured::default(),
        });
    }

    fn tools_call<'b>(&self, message: &Incoming<'_, 'b>, identity: Identity, begun: Instant) -> Step<'b> {
        let Incoming { id, revision, .. } = *message;
        let Some(asked) = message.request.params.name.and_then(text) else {
            let refusal = Refusal::InvalidParams("expected params.name, the name of a tool, as a string".into());
            self.tell(message, (Method::ToolsCall.name(), identity), begun, Some(&refusal));
            return Step::Answered(refused(Some(id), &refusal, revision.modern()));
        };
        let (trace, origin) = message.trace(self.observer.sampling());
        let called = Called { id, revision, trace, pass_status: identity.server.rate_limit_status };
        let call = Call {
            caller: message.caller(identity.api_token),
            server: identity.server,
            asked: asked.into(),
            arguments: Arguments::Raw(message.request.params.arguments.map(ToOwned::to_owned)),
            granted: None,
            now: identity.now,
            deadline: begun + self.config.call_timeout,
            trace,
            progress: Progress::default(),
            origin,
        };
        Step::Called(called, call)
    }
}

/// The version of HTTP, as the semantic conventions write it.
fn version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

/// Does a cursor ask for the beginning of the list? All tools are on one page. An empty cursor is one
/// (MCP 2026-07-28 `server/utilities/pagination`), and some clients write `null` for none.
fn begins(cursor: Option<&RawValue>) -> bool {
    cursor.is_none_or(|cursor| cursor.get() == "null" || text(cursor).is_some_and(|text| text.is_empty()))
}
