//! Lets browsers in only from origins that the operator knows (MCP 2026-07-28 `basic/transports`, "Security").
//!
//! A page that a person happens to open must not reach a sidecar on their machine, not even by a DNS name that was
//! rebound to loopback. Clients that are not browsers send no `Origin`.

use std::{
    future::{self, Ready},
    mem,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::Either;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use tower::{Layer, Service};
use tower_http::cors::{self, AllowOrigin, CorsLayer};

use crate::refusal::Refusal;

/// The origins that are let in besides loopback.
#[derive(Clone, Debug)]
pub struct Origins(Arc<Vec<String>>);

impl Origins {
    /// Loopback and these.
    #[must_use]
    pub fn new(allowed: &[String]) -> Self {
        Self(Arc::new(allowed.to_vec()))
    }

    /// Is every origin that a request names let in?
    fn let_in_all(&self, headers: &HeaderMap) -> bool {
        headers.get_all(header::ORIGIN).iter().all(|origin| self.lets_in(origin))
    }

    fn lets_in(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        self.0.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin)) || is_loopback(origin)
    }

    /// Layer of [`Cors`].
    #[must_use]
    pub fn cors(&self) -> CorsForBrowsers {
        let listed = self.clone();
        let request = [
            "authorization",
            "content-type",
            "mcp-method",
            "mcp-name",
            "mcp-protocol-version",
            "traceparent",
            "x-api-token",
        ];
        let answer = [
            "ratelimit",
            "ratelimit-limit",
            "ratelimit-policy",
            "ratelimit-remaining",
            "ratelimit-reset",
            "retry-after",
            "www-authenticate",
        ];
        let layer = CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(move |origin, _| listed.lets_in(origin)))
            .allow_methods([Method::POST])
            .allow_headers(request.map(HeaderName::from_static))
            .expose_headers(answer.map(HeaderName::from_static))
            // The answer hangs on the configuration alone; an hour keeps browsers from asking before every call.
            .max_age(Duration::from_hours(1));
        CorsForBrowsers { layer: Arc::new(layer), origins: self.clone() }
    }
}

/// Layer of [`Cors`].
#[derive(Clone, Debug)]
pub struct CorsForBrowsers {
    layer: Arc<CorsLayer>,
    origins: Origins,
}

impl<S> Layer<S> for CorsForBrowsers {
    type Service = Cors<S>;

    fn layer(&self, inner: S) -> Cors<S> {
        Cors { inner, for_browsers: self.clone() }
    }
}

/// Answers browsers' preflights and says which answers they may read (Fetch standard, "CORS protocol"). Everybody else
/// sends no `Origin` and is spared the headers; a foreign origin goes on to its refusal, preflights too.
#[derive(Clone, Debug)]
pub struct Cors<S> {
    inner: S,
    for_browsers: CorsForBrowsers,
}

impl<S, B, R> Service<Request<B>> for Cors<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<cors::ResponseFuture<S::Future>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let CorsForBrowsers { layer, origins } = &self.for_browsers;
        if request.headers().contains_key(header::ORIGIN) && origins.let_in_all(request.headers()) {
            // The service that is ready goes along; the clone takes its place.
            let next = self.inner.clone();
            let inner = mem::replace(&mut self.inner, next);
            Either::Left(layer.layer(inner).call(request))
        } else {
            Either::Right(self.inner.call(request))
        }
    }
}

fn is_loopback(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let bare = uri.path_and_query().is_none_or(|path| path == "/")
        && uri.authority().is_some_and(|a| !a.as_str().contains('@'));
    let address = host.trim_start_matches('[').trim_end_matches(']');
    bare && (host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

impl<S> Layer<S> for Origins {
    type Service = CheckOrigin<S>;

    fn layer(&self, inner: S) -> CheckOrigin<S> {
        CheckOrigin { inner, origins: self.clone() }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct CheckOrigin<S> {
    inner: S,
    origins: Origins,
}

impl<S, B> Service<Request<B>> for CheckOrigin<S>
where
    S: Service<Request<B>, Error = Refusal>,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = Either<S::Future, Ready<Result<S::Response, Refusal>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.origins.let_in_all(request.headers()) {
            Either::Left(self.inner.call(request))
        } else {
            Either::Right(future::ready(Err(Refusal::Origin)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_listed_origins_are_let_in_and_look_alikes_are_not() {
        let origins = Origins::new(&["https://console.example.com".into()]);
        for (origin, expected) in [
            ("http://localhost", true),
            ("http://localhost:6274", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("https://console.example.com", true),
            ("https://console.example.com.evil.test", false),
            ("http://console.example.com", false),
            ("http://localhost.evil.test", false),
            ("http://127.0.0.1.evil.test", false),
            ("http://localhost@evil.test", false),
            ("http://evil.test/localhost", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(origins.lets_in(&HeaderValue::from_str(origin).unwrap()), expected, "{origin}");
        }
    }
}
