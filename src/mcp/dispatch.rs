//! What becomes of a request once it is read: an answer, or a call that is to be carried out first.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Response, Version};
use tokio::time::Instant;

use super::{
    body::Body,
    era::{self, Revision},
    handbook::Library,
    identity::Identity,
    incoming::Incoming,
    jsonrpc::{self, KeptId, Message, Params, text},
    method::Method,
    reply,
    response::{accepted, carried_out, ok, refused, refused_call},
};
use crate::call::{Arguments, Call};
use crate::outcome::{Exchange, Outcome, Progress};
use crate::refusal::Refusal;
use crate::spare;
use crate::telemetry::{
    finished::{Answered, Captured, Failure, Finished, OTHER},
    observer::Observer,
};
use crate::trace::TraceParent;

/// What is known of a request before its body. No `Debug`: its headers may hold a token.
pub(super) struct Head {
    pub(super) headers: HeaderMap,
    pub(super) version: Version,
    pub(super) identity: Identity,
    pub(super) begun: Instant,
}

/// What becomes of a request once it is read.
pub(super) enum Step {
    /// It has its answer.
    Answered(Response<Body>),
    /// It is a call, to be carried out first.
    Called(Called, Call),
}

/// What the answer to a call needs to know of its request.
pub(super) struct Called {
    id: KeptId,
    revision: Revision,
    trace: TraceParent,
    pass_status: bool,
}

impl Called {
    /// The answer.
    pub(super) fn answer(&self, result: Result<Outcome, Refusal>) -> Response<Body> {
        match result {
            Ok(outcome) => carried_out(self.id.id(), self.revision, &outcome),
            Err(refusal) => refused_call(self.id.id(), self.revision, &refusal, self.trace, self.pass_status),
        }
    }
}

/// Where requests are read.
#[derive(Debug)]
pub(super) struct Desk {
    library: Library,
    call_timeout: Duration,
    observer: Observer,
}

impl Desk {
    /// Calls have to be answered within `call_timeout`; `observer` is told of everything else that is over.
    pub(super) fn new(call_timeout: Duration, observer: Observer) -> Self {
        let library = Library::default();
        let counted = library.clone();
        let about = "Answers to tools/list, initialize and server/discover from memory, and made anew";
        observer.metrics().counter("chaperone.handbook.cache", about, move || counted.readings());
        Self { library, call_timeout, observer }
    }

    /// Read a request and answer it, unless it is a call.
    ///
    /// # Errors
    /// A bug.
    pub(super) fn read(&self, Head { headers, version, identity, begun }: Head, body: &[u8]) -> Result<Step, Refusal> {
        let step = self.step(&headers, named(version), body, (identity, begun));
        spare::put_away(headers);
        step
    }

    fn step(
        &self,
        headers: &HeaderMap,
        http: &'static str,
        body: &[u8],
        (identity, begun): (Identity, Instant),
    ) -> Result<Step, Refusal> {
        let modern = |params: &Params<'_>| era::is_modern(headers, params);
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
                let message = |revision| Incoming { id, revision, request: &request, http, headers };
                match era::route(headers, &request) {
                    Ok((revision, method)) => return Ok(self.dispatch(method, &message(revision), identity, begun)),
                    Err(refusal) => {
                        let modern = modern(&request.params);
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

    fn dispatch(&self, method: Method, message: &Incoming<'_, '_>, identity: Identity, begun: Instant) -> Step {
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
        let answered = Answered {
            method,
            revision: message.revision.name(),
            duration: begun.elapsed(),
            failure: refusal.map(Failure::of),
        };
        self.observer.answered(answered, |Answered { method, duration, failure, .. }| {
            let (trace, origin) = message.trace(&self.observer);
            Finished {
                caller: message.caller(identity.api_token, &self.observer),
                server: identity.server,
                origin,
                trace,
                method,
                asked: None,
                begun_at: SystemTime::now() - duration,
                begun: begun.into_std(),
                duration,
                failure,
                exchange: Exchange::none(),
                captured: Captured::default(),
            }
        });
    }

    fn tools_call(&self, message: &Incoming<'_, '_>, identity: Identity, begun: Instant) -> Step {
        let Incoming { id, revision, .. } = *message;
        let Some(asked) = message.request.params.name.and_then(text) else {
            let refusal = Refusal::InvalidParams("expected params.name, the name of a tool, as a string".into());
            self.tell(message, (Method::ToolsCall.name(), identity), begun, Some(&refusal));
            return Step::Answered(refused(Some(id), &refusal, revision.modern()));
        };
        let (trace, origin) = message.trace(&self.observer);
        let id = id.kept_with(&origin.request_id);
        let called = Called { id, revision, trace, pass_status: identity.server.rate_limit_status };
        let place = identity.server.place(&asked);
        let known = place.map(|place| identity.server.tool(place).name.clone());
        let call = Call {
            caller: message.caller(identity.api_token, &self.observer),
            server: identity.server,
            asked: known.unwrap_or_else(|| asked.into()),
            place,
            arguments: Arguments::Raw(message.request.params.arguments.map(Into::into)),
            granted: None,
            now: identity.now,
            deadline: begun + self.call_timeout,
            trace,
            progress: Progress::default(),
            origin,
        };
        Step::Called(called, call)
    }
}

/// The version of HTTP, as the semantic conventions write it.
fn named(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

/// Does a cursor ask for the beginning of the list? All tools are on one page. An empty cursor is one
/// (MCP 2026-07-28 `server/utilities/pagination`), and some clients write `null` for none.
fn begins(cursor: Option<&str>) -> bool {
    cursor.is_none_or(|cursor| cursor == "null" || text(cursor).is_some_and(|text| text.is_empty()))
}
