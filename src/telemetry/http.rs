//! The HTTP client of the exporters: hyper over rustls with ring, as the way to the upstream is.

use std::{
    collections::VecDeque,
    convert::Infallible,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Collected, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::{runtime::Handle, time::timeout};

use crate::tls;

/// A collector answers with a few bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// Bytes of an export that are sent at one go: a tenth of a millisecond at most. On a thread that is never idle each turn of
/// the others takes milliseconds, so that with more turns a batch would take longer than the next one needs to fill.
const TURN: usize = 128 << 10;

/// The body of an export. Lets other tasks have the thread now and then: to send a large batch at one go would hold up the
/// calls behind it.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    left: VecDeque<Bytes>,
    length: u64,
    /// Bytes since others had their turn.
    in_one_go: usize,
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<T: IntoIterator<Item = Bytes>>(pieces: T) -> Self {
        let left: VecDeque<Bytes> = pieces.into_iter().collect();
        let length = left.iter().map(|piece| piece.len() as u64).sum();
        Self { left, length, in_one_go: 0 }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.in_one_go >= TURN && !self.left.is_empty() {
            self.in_one_go = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = self.left.pop_front();
        let length = next.as_ref().map_or(0, Bytes::len);
        self.in_one_go += length;
        self.length -= length as u64;
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// Sends exports. Requests of exporters of metrics, who work on threads of their own, are carried out on the runtime that
/// was there when it was made.
#[derive(Clone, Debug)]
pub(super) struct HyperClient {
    client: Client<HttpsConnector<HttpConnector>, Pieces>,
    runtime: Handle,
    limit: Duration,
}

impl HyperClient {
    /// A client with no connection yet; of HTTP/2 alone, or of HTTP/1.1 alone. Needs a running tokio.
    ///
    /// # Errors
    /// The CA file cannot be used; for a person.
    pub(super) fn new(ca_file: Option<&Path>, limit: Duration, http2: bool) -> Result<Self, String> {
        let config = tls::client(ca_file).map_err(|error| format!("telemetry.otlp.ca_file: {error}"))?;
        let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
        let connector = if http2 { builder.enable_http2().build() } else { builder.enable_http1().build() };
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build(connector);
        Ok(Self { client, runtime: Handle::current(), limit })
    }

    /// Send a request and read the whole answer, within the time for one export.
    pub(super) async fn exchange(&self, request: Request<Pieces>) -> Result<Response<Collected<Bytes>>, HttpError> {
        let answered = timeout(self.limit, async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await?;
            Ok::<_, HttpError>(Response::from_parts(head, body))
        });
        answered.await.map_err(|_| HttpError::from("no answer in time"))?
    }
}

impl HttpClient for HyperClient {
    fn send_bytes<'s, 'f>(&'s self, request: Request<Bytes>) -> BoxFuture<'f, Result<Response<Bytes>, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        let client = self.clone();
        let request = request.map(|body| Pieces::from_iter([body]));
        let sending = self.runtime.spawn(async move { client.exchange(request).await });
        Box::pin(async move { Ok(sending.await??.map(Collected::to_bytes)) })
    }
}

#[cfg(test)]
mod tests {
    use std::{iter, task::Waker};

    use super::*;

    #[test]
    fn others_have_their_turn_every_so_many_bytes() {
        let piece = Bytes::from(vec![0; TURN / 2]);
        let mut body: Pieces = iter::repeat_n(piece, 5).collect();
        let mut cx = Context::from_waker(Waker::noop());
        let mut seen = Vec::new();
        while !body.is_end_stream() {
            let left = body.size_hint().exact();
            seen.push((left, Pin::new(&mut body).poll_frame(&mut cx).is_ready()));
        }
        let halves = |n: u64| Some(n * TURN as u64 / 2);
        let expected = [(5, true), (4, true), (3, false), (3, true), (2, true), (1, false), (1, true)];
        assert_eq!(seen, expected.map(|(n, is_ready)| (halves(n), is_ready)));
    }
}
