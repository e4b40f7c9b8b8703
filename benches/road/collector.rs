//! The collector: takes traces and metrics over OTLP/gRPC, counts the spans, and answers as a real one would.
//!
//! It reads every byte and keeps none: a backend with a database would spend the core that load generator and upstream
//! share. `GET /spans` tells the count.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::Error;

/// What precedes a message in a gRPC body: one byte of flags, four of length.
const PREFIX_BYTES: usize = 5;
/// The way from an `ExportTraceServiceRequest` to its spans: `resource_spans`, `scope_spans`, `spans`
/// (opentelemetry-proto, `collector/trace/v1/trace_service.proto` and `trace/v1/trace.proto`).
const WAY_TO_SPANS: [u64; 3] = [1, 2, 2];

/// Collects on a free loopback port until it is killed.
pub(crate) async fn run() -> Result<Infallible, Error> {
    let spans = Arc::new(AtomicU64::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    road::announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let spans = Arc::clone(&spans);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&spans)));
            // A connection that breaks is the contender's to notice.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    spans: Arc<AtomicU64>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    if request.method() == Method::GET {
        let count = spans.load(Ordering::Relaxed).to_string();
        return Ok(Response::new(Full::from(count).boxed()));
    }
    let traces = request.uri().path().ends_with("TraceService/Export");
    let body = request.into_body().collect().await?.to_bytes();
    if let Some(message) = body.get(PREFIX_BYTES..).filter(|_| traces) {
        spans.fetch_add(count(message, &WAY_TO_SPANS), Ordering::Relaxed);
    }
    // An empty message: everything was taken.
    let taken = Full::from(vec![0; PREFIX_BYTES]);
    let fine = HeaderMap::from_iter([(http::header::HeaderName::from_static("grpc-status"), HeaderValue::from(0))]);
    let mut response = Response::new(taken.with_trailers(async { Some(Ok(fine)) }).boxed());
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

/// How many messages lie at the end of `way`, a field number a level.
pub(crate) fn count(mut message: &[u8], way: &[u64]) -> u64 {
    let Some((&field, further)) = way.split_first() else { return 1 };
    let mut found = 0;
    while let Some((number, content, rest)) = next_field(message) {
        found += if number == field { count(content, further) } else { 0 };
        message = rest;
    }
    found
}

/// The number and the content of the first field of a protobuf message, and what follows it. Numbers have no content.
fn next_field(message: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (key, message) = varint(message)?;
    let (length, message) = match key & 7 {
        0 => (0, varint(message)?.1),
        1 => (8, message),
        2 => varint(message)?,
        5 => (4, message),
        _ => return None,
    };
    let (content, rest) = message.split_at_checked(usize::try_from(length).ok()?)?;
    Some((key >> 3, content, rest))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at(length);
    Some((number.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)), rest))
}
