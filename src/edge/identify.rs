//! Finds the MCP server a request is for, and turns away whoever may not talk to it.
//!
//! Token before server before expiry before API token. The running set of servers is taken once, here; everything
//! further in works on what was found.

use std::{
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use arc_swap::ArcSwap;
use futures_util::future::Either;
use http::{HeaderMap, HeaderName, Method, Request, header};
use tower::{Layer, Service};

use crate::clock::Clock;
use crate::mcp::identity::{Identified, Identity};
use crate::refusal::Refusal;
use crate::server::{Server, registry::Registry};

const API_TOKEN: HeaderName = HeaderName::from_static("x-api-token");

/// Layer of [`Identify`].
#[derive(Clone, Debug)]
pub struct IdentifyLayer {
    registry: Arc<ArcSwap<Registry>>,
    clock: Clock,
}

/// A layer over the running set of servers.
#[must_use]
pub fn layer(registry: Arc<ArcSwap<Registry>>, clock: Clock) -> IdentifyLayer {
    IdentifyLayer { registry, clock }
}

impl<S> Layer<S> for IdentifyLayer {
    type Service = Identify<S>;

    fn layer(&self, inner: S) -> Identify<S> {
        Identify { inner, shared: Arc::new(self.clone()) }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Identify<S> {
    inner: S,
    shared: Arc<IdentifyLayer>,
}

impl<S, B> Service<Request<B>> for Identify<S>
where
    S: Service<Identified<B>, Error = Refusal>,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = Either<S::Future, Ready<Result<S::Response, Refusal>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, http: Request<B>) -> Self::Future {
        match self.shared.identify(http.method(), http.uri().path(), http.headers()) {
            Ok(identity) => Either::Left(self.inner.call(Identified { http, identity })),
            Err(refusal) => Either::Right(ready(Err(refusal))),
        }
    }
}

impl IdentifyLayer {
    fn identify(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Identity, Refusal> {
        let registry = self.registry.load();
        let (server, spent) = find(&registry, path, headers)?;
        if method != Method::POST {
            return Err(Refusal::HttpMethod);
        }
        let now = self.clock.now();
        if let Some(at) = server.expired(now) {
            return Err(Refusal::Expired { server: server.name.to_string(), at });
        }
        let mut api_token = None;
        if server.requires_api_token {
            let presented = header_text(headers, &API_TOKEN).or_else(|| bearer(headers).filter(|_| spent == Spent::No));
            let known = presented.and_then(|token| registry.api_token(token));
            let known = known.ok_or_else(|| Refusal::ApiToken { server: server.name.to_string() })?;
            api_token = Some(known.clone());
        }
        Ok(Identity { server: server.clone(), api_token, now })
    }
}

/// Was the `Authorization` header spent on the server's own token?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spent {
    Yes,
    No,
}

fn find<'r>(registry: &'r Registry, path: &str, headers: &HeaderMap) -> Result<(&'r Arc<Server>, Spent), Refusal> {
    let rest = path.strip_prefix("/mcp").ok_or(Refusal::UnknownPath)?;
    let segment = match rest.strip_prefix('/') {
        None if rest.is_empty() => "",
        None => return Err(Refusal::UnknownPath),
        Some(segment) => segment.strip_suffix('/').unwrap_or(segment),
    };
    if segment.contains('/') {
        return Err(Refusal::UnknownPath);
    }
    if !segment.is_empty() {
        return registry.at(segment).map(|server| (server, Spent::No)).ok_or(Refusal::UnknownServer);
    }
    let Some(token) = bearer(headers) else {
        return registry.sole_open().map(|server| (server, Spent::No)).ok_or(Refusal::UnknownServer);
    };
    if let Some(server) = registry.by_token(token) {
        return Ok((server, Spent::Yes));
    }
    // Whoever presents a token that is not known does not slip into the server that asks for none; one that asks for
    // an API token is another matter, for this may be it.
    let open = registry.sole_open().filter(|server| server.requires_api_token);
    open.map(|server| (server, Spent::No)).ok_or(Refusal::UnknownServer)
}

/// The text of a header that stands once: of two, a proxy before us may have judged the other one.
fn header_text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next().filter(|_| values.next().is_none());
    only?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

/// The token of `Authorization: Bearer` (RFC 6750 section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header_text(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
