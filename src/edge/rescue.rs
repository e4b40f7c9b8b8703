//! Turns every refusal of the HTTP plane, and a panic, into a response: nothing leaves the road as an error.

use std::{
    convert::Infallible,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{
    FutureExt,
    future::{CatchUnwind, OptionFuture},
};
use http::{HeaderValue, Request, Response, header};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::mcp::{body::Body, response::refused};
use crate::refusal::Refusal;
use crate::telemetry::observer::Observer;

/// Seconds after which it is worth coming back to an instance that was full.
const COME_BACK: u32 = 1;

/// Layer of [`Rescue`].
#[derive(Clone, Debug)]
pub struct RescueLayer(Observer);

/// A layer that tells this observer what it turns away.
#[must_use]
pub fn layer(observer: Observer) -> RescueLayer {
    RescueLayer(observer)
}

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Rescue<S> {
        Rescue { inner, observer: self.0.clone() }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Rescue<S> {
    inner: S,
    observer: Observer,
}

impl<S, B> Service<Request<B>> for Rescue<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Refusal>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Rescued<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // No layer of this plane refuses in `poll_ready`.
        self.inner.poll_ready(cx).map(|_| Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // A layer may work, and so panic, before it has a future to give.
        let inner = catch_unwind(AssertUnwindSafe(|| self.inner.call(request))).ok();
        let inner = OptionFuture::from(inner.map(|inner| AssertUnwindSafe(inner).catch_unwind()));
        Rescued { inner, observer: self.observer.clone() }
    }
}

pin_project! {
    /// Future of [`Rescue`].
    pub struct Rescued<F> {
        #[pin]
        inner: OptionFuture<CatchUnwind<AssertUnwindSafe<F>>>,
        observer: Observer,
    }
}

impl<F: Future<Output = Result<Response<Body>, Refusal>>> Future for Rescued<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let refusal = match ready!(this.inner.poll(cx)) {
            Some(Ok(Ok(response))) => return Poll::Ready(Ok(response)),
            Some(Ok(Err(refusal))) => refusal,
            // The panic hook has told where; the payload may hold anything and goes nowhere.
            Some(Err(_)) | None => Refusal::Internal("a panic".into()),
        };
        this.observer.turned_away(&refusal);
        Poll::Ready(Ok(respond(&refusal)))
    }
}

fn respond(refusal: &Refusal) -> Response<Body> {
    match refusal {
        Refusal::Internal(text) => tracing::error!("a bug in chaperone: {text}"),
        other => tracing::info!(server.name = other.server(), refusal = other.kind(), "request refused"),
    }
    let mut response = refused(None, refusal, true);
    let headers = response.headers_mut();
    match refusal {
        Refusal::ApiToken { .. } => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        Refusal::HttpMethod => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
        Refusal::Overloaded | Refusal::Draining => drop(headers.insert(header::RETRY_AFTER, COME_BACK.into())),
        _ => {}
    }
    if matches!(refusal, Refusal::Draining | Refusal::BodyIncomplete) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::future::Ready;

    use http::StatusCode;
    use tower::{ServiceExt, service_fn};

    use super::*;

    fn layer() -> RescueLayer {
        super::layer(Observer::quiet().unwrap())
    }

    #[tokio::test]
    async fn a_panic_becomes_an_answer_and_says_nothing_of_itself() {
        let service = layer().layer(service_fn(|_: Request<()>| async { panic!("secret") }));
        let response: Response<Body> = service.oneshot(Request::new(())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn a_panic_before_there_is_a_future_becomes_an_answer_too() {
        let panics = |_: Request<()>| -> Ready<Result<Response<Body>, Refusal>> { panic!("secret") };
        let response = layer().layer(service_fn(panics)).oneshot(Request::new(())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn refusals_carry_the_headers_of_their_status() {
        for (refusal, status, name, value) in [
            (Refusal::ApiToken { server: "s".into() }, 401, header::WWW_AUTHENTICATE, "Bearer"),
            (Refusal::HttpMethod, 405, header::ALLOW, "POST"),
            (Refusal::Overloaded, 503, header::RETRY_AFTER, "1"),
        ] {
            let service = layer().layer(service_fn(move |_: Request<()>| {
                let refusal = refusal.clone();
                async { Err(refusal) }
            }));
            let response = service.oneshot(Request::new(())).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.headers()[&name]),
                (status, &HeaderValue::from_static(value))
            );
        }
    }
}
