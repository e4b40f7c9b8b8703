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

/// Bytes of an export that are sent at one go: some ten microseconds, for which a call may have to wait. A frame of HTTP/2 has
/// room for as many, unless a collector asks for more.
const TURN: usize = 16 << 10;

/// Others that take less for their turn had nothing to do: it is a good time to send some more.
const IDLE: Duration = Duration::from_micros(20);

/// So many turns are left to others in a row while they have something to do.
const PATIENCE: u32 = 4;

/// The same on a thread that is never idle. Each turn of the others takes long there, so that with more turns a batch would
/// take longer than the next one needs to fill; and calls wait for each other anyway.
const TURN_WHEN_BUSY: usize = 128 << 10;

/// Others that have had so long keep the thread busy.
const BUSY: Duration = Duration::from_micros(500);

/// The body of an export. Lets other tasks have the thread now and then: to send a large batch at one go would hold up the
/// calls behind it.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    left: VecDeque<Bytes>,
    length: u64,
    /// Bytes that may be sent before others have their turn.
    turn: usize,
    /// Turns that were left to others since, and since when they have them.
    given: Option<(u32, Instant)>,
    /// The turn that others have, and since when.
    others: Option<(Instant, Turn)>,
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<T: IntoIterator<Item = Bytes>>(pieces: T) -> Self {
        let left: VecDeque<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let length = left.iter().map(|piece| piece.len() as u64).sum();
        Self { left, length, turn: TURN, given: None, others: None }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while self.turn == 0 && !self.left.is_empty() {
            let (begun, others) = self.others.get_or_insert_with(|| (Instant::now(), Turn::begin()));
            ready!(others.poll_over(cx));
            let (begun, now) = (*begun, Instant::now());
            self.others = None;
            let (given, since) = self.given.get_or_insert((0, begun));
            *given += 1;
            if now - *since >= BUSY {
                self.turn = TURN_WHEN_BUSY;
            } else if now - begun < IDLE || *given == PATIENCE {
                self.turn = TURN;
            }
        }
        self.given = None;
        let turn = self.turn;
        let Some(first) = self.left.front_mut() else { return Poll::Ready(None) };
        let piece = first.split_to(first.len().min(turn));
        if first.is_empty() {
            self.left.pop_front();
        }
        self.turn -= piece.len();
        self.length -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
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

    /// The bytes that are sent at one go, each time after so many turns of others, of a body that has to wait for so long
    /// each time.
    async fn sent(mut body: Pieces, wait: Duration) -> Vec<(usize, usize)> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut sent = vec![(0, 0)];
        while !body.is_end_stream() {
            let left = body.size_hint().exact().unwrap();
            let last = sent.last_mut().unwrap();
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(piece) => {
                    let piece = piece.unwrap().unwrap().into_data().unwrap();
                    assert_eq!(body.size_hint().exact().unwrap() + piece.len() as u64, left);
                    last.0 += piece.len();
                }
                Poll::Pending => {
                    if last.0 > 0 {
                        sent.push((0, 0));
                    }
                    sent.last_mut().unwrap().1 += 1;
                    advance(wait).await;
                }
            }
        }
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn others_have_their_turn_after_a_few_bytes_more_of_them_while_they_work_and_few_where_they_never_end() {
        let body = || [TURN + 1, 1, 0, TURN * 2].map(|length| Bytes::from(vec![0; length])).into_iter().collect();
        for (wait, turns) in [(Duration::ZERO, 1), (IDLE / 2, 1), (IDLE, 4), (BUSY / 5, 4)] {
            let expected = [(TURN, 0), (TURN, turns), (TURN, turns), (2, turns)];
            assert_eq!(sent(body(), wait).await, expected, "{wait:?}");
        }
        for (wait, turns) in [(BUSY / 2, 2), (BUSY, 1)] {
            assert_eq!(sent(body(), wait).await, [(TURN, 0), (TURN * 2 + 2, turns)], "{wait:?}");
        }
        let long = iter::repeat_n(Bytes::from(vec![0; TURN_WHEN_BUSY]), 2).collect();
        let rest = TURN_WHEN_BUSY - TURN;
        assert_eq!(sent(long, BUSY).await, [(TURN, 0), (TURN_WHEN_BUSY, 1), (rest, 1)]);
    }
}
