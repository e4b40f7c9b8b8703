//! What an HTTP request brings in: its body, bounded in size and time, and what its headers say of the caller.

use std::{
    borrow::Cow,
    cell::RefCell,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread::LocalKey,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    era::Revision,
    jsonrpc::{Id, Request, text},
};
use crate::call::{Caller, Origin};
use crate::pieces::Pieces;
use crate::refusal::Refusal;
use crate::telemetry::{fit::fit, observer::Observer};
use crate::trace::TraceParent;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A request and what surrounds it.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'r, 'b> {
    /// The id to answer.
    pub(super) id: Id<'b>,
    /// The revision it is of.
    pub(super) revision: Revision,
    /// The message.
    pub(super) request: &'r Request<'b>,
    /// The version of HTTP.
    pub(super) http: &'static str,
    /// The headers of its POST.
    pub(super) headers: &'r HeaderMap,
}

impl Incoming<'_, '_> {
    /// The trace of `_meta.traceparent` (SEP-414), else of the header, else a new one; and what is told of the request
    /// where anybody is told. Both in hand, the header's trace is linked to.
    pub(super) fn trace(&self, observer: &Observer) -> (TraceParent, Origin) {
        let meta = self.request.params.meta.as_ref().and_then(|meta| meta.traceparent).and_then(text);
        let meta = meta.as_deref().and_then(TraceParent::parse);
        let header = self.headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(TraceParent::parse);
        let parent = meta.or(header);
        let place = parent.map_or_else(TraceParent::fresh, TraceParent::child);
        let sampled = u8::from(observer.sampling().keeps(place.trace_id, parent));
        let mut origin = Origin { revision: self.revision.name(), http: self.http, ..Origin::default() };
        if observer.tells_origins() {
            let request_id = text(self.id.get()).unwrap_or(Cow::Borrowed(self.id.get()));
            origin.request_id = fit(&request_id).into();
            origin.parent = parent.map(|parent| parent.parent_id);
            origin.link = header.filter(|header| meta.is_some_and(|meta| meta != *header));
        }
        (TraceParent { flags: (place.flags & !1) | sampled, ..place }, origin)
    }

    /// Who calls, as far as a stateless server is told: `clientInfo` since 2026-07-28, else the User-Agent. Only the name
    /// of the API token where nobody is told more.
    pub(super) fn caller(&self, api_token: Option<Arc<str>>, observer: &Observer) -> Caller {
        if !observer.tells_origins() {
            return Caller { api_token, ..Caller::default() };
        }
        let info = self.request.params.meta.as_ref().and_then(|meta| meta.client_info).unwrap_or_default();
        let agent = || self.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(Cow::Borrowed);
        let client = info.name.and_then(text).or_else(agent).map(|name| shared(&name, &CLIENT));
        let client_version = info.version.and_then(text).map(|version| shared(&version, &CLIENT_VERSION));
        Caller { api_token, client, client_version }
    }
}

/// Longest text that is remembered.
const SHORT: usize = 128;

thread_local! {
    // The client of the last request: the next one is mostly of the same.
    static CLIENT: RefCell<Arc<str>> = RefCell::default();
    static CLIENT_VERSION: RefCell<Arc<str>> = RefCell::default();
}

/// A text that is often the same as the last time.
fn shared(text: &str, last: &'static LocalKey<RefCell<Arc<str>>>) -> Arc<str> {
    last.with_borrow_mut(|last| {
        if **last == *text {
            return last.clone();
        }
        let text: Arc<str> = text.into();
        if text.len() <= SHORT {
            *last = text.clone();
        }
        text
    })
}

/// `Content-Type`, where there is one, must be JSON: a browser cannot send that across origins without asking first.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    if essence.trim_ascii().eq_ignore_ascii_case(b"application/json") { Ok(()) } else { Err(Refusal::MediaType) }
}

pin_project! {
    /// Comes back with the whole body.
    pub(super) struct Collect<B> {
        #[pin]
        body: B,
        pieces: Pieces,
        limit: usize,
        deadline: Instant,
        // Most bodies come with their head: only for the others there is a clock to be set.
        late: Option<Pin<Box<Sleep>>>,
    }
}

impl<B> Collect<B> {
    /// At most `limit` bytes, until `deadline`.
    pub(super) fn new(body: B, limit: usize, deadline: Instant) -> Self {
        // What a stranger says of the size is no reason to make room for it.
        Self { body, pieces: Pieces::expecting(None), limit, deadline, late: None }
    }
}

impl<B: Body<Data = Bytes>> Future for Collect<B> {
    type Output = Result<Bytes, Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let limit = *this.limit;
        if this.pieces.is_empty() && this.body.size_hint().lower() > limit as u64 {
            return Poll::Ready(Err(Refusal::BodyTooLarge { limit }));
        }
        while let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) {
            let Some(frame) = frame else { return Poll::Ready(Ok(mem::take(this.pieces).whole())) };
            let Ok(frame) = frame else { return Poll::Ready(Err(Refusal::BodyIncomplete)) };
            let data = frame.into_data().unwrap_or_default();
            if this.pieces.len() + data.len() > limit {
                return Poll::Ready(Err(Refusal::BodyTooLarge { limit }));
            }
            this.pieces.push(data);
        }
        let late = this.late.get_or_insert_with(|| Box::pin(sleep_until(*this.deadline)));
        late.as_mut().poll(cx).map(|()| Err(Refusal::BodyIncomplete))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_whatever_the_last_one_was_and_in_memory_once_while_it_stays_the_same() {
        let long = "x".repeat(SHORT + 1);
        for text in ["a", "", "b", "a", &long] {
            let (first, again) = (shared(text, &CLIENT), shared(text, &CLIENT));
            assert_eq!((&*first, &*again), (text, text));
            assert_eq!(Arc::ptr_eq(&first, &again), text.len() <= SHORT);
        }
    }
}
