//! The HTTP client of the exporters: hyper over rustls with ring, as the way to the upstream is.

use std::{
    collections::VecDeque,
    convert::Infallible,
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
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
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use super::turn::Turn;
use crate::{tcp, tls};

/// A collector answers with a few bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// Bytes of an export that are sent at one go, the last piece of them whole: some ten microseconds, for which a call may have
/// to wait.
const TURN: usize = 16 << 10;

/// The same on a thread that is never idle. Each turn of the others takes long there, so that with more turns a batch would
/// take longer than the next one needs to fill; and calls wait for each other anyway.
const TURN_WHEN_BUSY: usize = 128 << 10;

/// Others that take so long for their turn keep the thread busy.
const BUSY: Duration = Duration::from_micros(500);

/// The body of an export. Lets other tasks have the thread now and then: to send a large batch at one go would hold up the
/// calls behind it.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    left: VecDeque<Bytes>,
    length: u64,
    /// Bytes that may be sent before others have their turn.
    turn: usize,
    /// The turn of others, and since when they have it.
    others: Option<(Instant, Turn)>,
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<T: IntoIterator<Item = Bytes>>(pieces: T) -> Self {
        let left: VecDeque<Bytes> = pieces.into_iter().collect();
        let length = left.iter().map(|piece| piece.len() as u64).sum();
        Self { left, length, turn: TURN, others: None }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.turn == 0 && !self.left.is_empty() {
            let (begun, others) = self.others.get_or_insert_with(|| (Instant::now(), Turn::begin()));
            ready!(others.poll_over(cx));
            self.turn = if begun.elapsed() < BUSY { TURN } else { TURN_WHEN_BUSY };
            self.others = None;
        }
        let next = self.left.pop_front();
        let length = next.as_ref().map_or(0, Bytes::len);
        self.turn = self.turn.saturating_sub(length);
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
        let tcp = tcp::connector();
        let connector =
            if http2 { builder.enable_http2().wrap_connector(tcp) } else { builder.enable_http1().wrap_connector(tcp) };
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

    use tokio::time::advance;

    use super::*;

    /// How many bytes are left, and whether the next piece is given, whenever a body of so many bytes is asked that has
    /// to wait for so long each time others have their turn.
    async fn asked(mut body: Pieces, wait: Duration) -> Vec<(u64, bool)> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut seen = Vec::new();
        while !body.is_end_stream() {
            let left = body.size_hint().exact().unwrap();
            let is_ready = Pin::new(&mut body).poll_frame(&mut cx).is_ready();
            seen.push((left / (TURN as u64 / 2), is_ready));
            if !is_ready {
                advance(wait).await;
            }
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn others_have_their_turn_every_so_many_bytes_and_seldom_where_they_take_long() {
        let body = || iter::repeat_n(Bytes::from(vec![0; TURN / 2]), 5).collect();
        let expected = [(5, true), (4, true), (3, false), (3, true), (2, true), (1, false), (1, true)];
        assert_eq!(asked(body(), BUSY / 2).await, expected);
        let expected = [(5, true), (4, true), (3, false), (3, true), (2, true), (1, true)];
        assert_eq!(asked(body(), BUSY).await, expected);
        let longer = iter::repeat_n(Bytes::from(vec![0; TURN_WHEN_BUSY]), 4).collect();
        let waits = asked(longer, BUSY).await.iter().filter(|(_, is_ready)| !is_ready).count();
        assert_eq!(waits, 3);
    }
}
