//! The seam between the HTTP plane and the call plane: MCP is read here and answered here.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Response, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Service, ServiceExt as _};

use super::{
    body::Body as ResponseBody,
    dispatch::{Desk, Head, Step},
    identity::Identified,
    incoming::{Collect, is_json},
};
use crate::call::Call;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::telemetry::observer::Observer;

/// What the seam is set to.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Time for a request from its head to its answer.
    pub call_timeout: Duration,
}

/// Terminates MCP and hands every `tools/call` to the call plane.
#[derive(Debug)]
pub struct Terminate<C>(Arc<Seam<C>>);

impl<C> Clone for Terminate<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug)]
struct Seam<C> {
    calls: C,
    config: Config,
    desk: Desk,
}

impl<C> Terminate<C> {
    /// A seam in front of the call plane.
    pub fn new(calls: C, config: Config, observer: Observer) -> Self {
        let desk = Desk::new(config.call_timeout, observer);
        Self(Arc::new(Seam { calls, config, desk }))
    }
}

impl<C, B> Service<Identified<B>> for Terminate<C>
where
    C: Service<Call, Response = Outcome, Error = Refusal> + Clone + Send + 'static,
    C::Future: Send,
    B: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody>;
    type Error = Refusal;
    type Future = Answering<B, C>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        // The call plane is asked once the call is known; shedding happens further out.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Identified { http, identity }: Identified<B>) -> Self::Future {
        let (Parts { headers, version, .. }, body) = http.into_parts();
        if let Err(refusal) = is_json(&headers) {
            return Answering { stage: Stage::Refused { refusal: Some(refusal) } };
        }
        let (begun, Config { max_body, call_timeout }) = (Instant::now(), self.0.config);
        let head = Head { headers, version, identity, begun };
        let body = Collect::new(body, max_body, begun + call_timeout);
        Answering { stage: Stage::Reading { body, behind: Some((self.clone(), head)) } }
    }
}

pin_project! {
    /// Future of [`Terminate`]: the one thing on the road that waits for its request and for its answer, and does all else
    /// in one go.
    pub struct Answering<B, C> {
        #[pin]
        stage: Stage<B, C>,
    }
}

pin_project! {
    #[project = At]
    enum Stage<B, C> {
        // The request is still to come: who reads it, and what was there before its body.
        Reading { #[pin] body: Collect<B>, behind: Option<(Terminate<C>, Head)> },
        // A call is carried out. Boxed: other requests need no room for it.
        Calling { calling: BoxFuture<'static, Response<ResponseBody>> },
        // There is nothing to wait for.
        Refused { refusal: Option<Refusal> },
    }
}

impl<B, C> Future for Answering<B, C>
where
    C: Service<Call, Response = Outcome, Error = Refusal> + Clone + Send + 'static,
    C::Future: Send,
    B: Body<Data = Bytes>,
{
    type Output = Result<Response<ResponseBody>, Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        if let At::Reading { body, behind } = stage.as_mut().project() {
            let body = ready!(body.poll(cx))?;
            let (Terminate(seam), head) = behind.take().expect("a request is read once");
            match seam.desk.read(head, &body)? {
                Step::Answered(response) => return Poll::Ready(Ok(response)),
                Step::Called(called, call) => {
                    let answer = move |result| called.answer(result);
                    let calling = seam.calls.clone().oneshot(call).map(answer).boxed();
                    stage.set(Stage::Calling { calling });
                }
            }
        }
        match stage.project() {
            At::Calling { calling } => calling.poll_unpin(cx).map(Ok),
            At::Refused { refusal } => Poll::Ready(Err(refusal.take().expect("a refusal is told once"))),
            At::Reading { .. } => unreachable!("what was read is answered or called"),
        }
    }
}
