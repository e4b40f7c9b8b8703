//! What an HTTP request brings in: its body, bounded in size and time, and what its headers say of the caller.

use std::{borrow::Cow, pin::pin, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use http_body::Body;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::{
    era::Revision,
    jsonrpc::{Request, text},
};
use crate::call::{Caller, Origin};
use crate::pieces::Pieces;
use crate::refusal::Refusal;
use crate::telemetry::{fit::fit, sampling::Sampling};
use crate::trace::TraceParent;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A request and what surrounds it.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'r, 'b> {
    /// The id to answer.
    pub(super) id: &'b RawValue,
    /// The revision it is of.
    pub(super) revision: Revision,
    /// The message.
    pub(super) request: &'r Request<'b>,
    /// The version of HTTP.
    pub(super) http: &'static str,
    /// The headers of its POST.
    pub(super) headers: &'r HeaderMap,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientInfo<'b> {
    #[serde(borrow)]
    name: Option<Cow<'b, str>>,
    #[serde(borrow)]
    version: Option<Cow<'b, str>>,
}

impl Incoming<'_, '_> {
    /// The trace of `_meta.traceparent` (SEP-414), else of the header, else a new one; and what is told of the request.
    /// Both in hand, the header's trace is linked to.
    pub(super) fn trace(&self, sampling: Sampling) -> (TraceParent, Origin) {
        let meta = self.request.params.meta.as_ref().and_then(|meta| meta.traceparent).and_then(text);
        let meta = meta.as_deref().and_then(TraceParent::parse);
        let header = self.headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(TraceParent::parse);
        let parent = meta.or(header);
        let place = parent.map_or_else(TraceParent::fresh, TraceParent::child);
        let sampled = u8::from(sampling.keeps(place.trace_id, parent));
        let request_id = text(self.id).unwrap_or(Cow::Borrowed(self.id.get()));
        let origin = Origin {
            parent: parent.map(|parent| parent.parent_id),
            link: header.filter(|header| meta.is_some_and(|meta| meta != *header)),
            request_id: fit(&request_id).into(),
            revision: self.revision.name(),
            http: self.http,
        };
        (TraceParent { flags: (place.flags & !1) | sampled, ..place }, origin)
    }

    /// Who calls, as far as a stateless server is told: `clientInfo` since 2026-07-28, else the User-Agent.
    pub(super) fn caller(&self, api_token: Option<Arc<str>>) -> Caller {
        let info = self.request.params.meta.as_ref().and_then(|meta| meta.client_info);
        let info = info.filter(|raw| raw.get().starts_with('{'));
        let info: ClientInfo<'_> = info.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let agent = || self.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(Cow::Borrowed);
        let client = info.name.or_else(agent).map(Arc::from);
        Caller { api_token, client, client_version: info.version.map(Arc::from) }
    }
}

/// `Content-Type`, where there is one, must be JSON: a browser cannot send that across origins without asking first.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    if essence.trim_ascii().eq_ignore_ascii_case(b"application/json") { Ok(()) } else { Err(Refusal::MediaType) }
}

/// The whole body.
pub(super) async fn collect<B>(body: B, limit: usize, deadline: Instant) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::BodyTooLarge { limit });
    }
    timeout_at(deadline, read(body, limit)).await.unwrap_or(Err(Refusal::BodyIncomplete))
}

async fn read<B: Body<Data = Bytes>>(body: B, limit: usize) -> Result<Bytes, Refusal> {
    let mut body = pin!(body);
    // What a stranger says of the size is no reason to make room for it.
    let mut pieces = Pieces::expecting(None);
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| Refusal::BodyIncomplete)?.into_data().unwrap_or_default();
        if pieces.len() + data.len() > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        pieces.push(data);
    }
    Ok(pieces.whole())
}
