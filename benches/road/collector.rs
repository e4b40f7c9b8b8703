//! The collector: takes traces and metrics over OTLP/gRPC, counts the spans, and answers as a real one would.
//!
//! It reads every byte and keeps none: a backend with a database would spend the core that load generator and upstream
//! share. `GET /spans` tells the count.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::Error;
use crate::gentle::Gentle;

/// What precedes a message in a gRPC body: one byte of flags, four of length.
const PREFIX_BYTES: usize = 5;
/// The way from an `ExportTraceServiceRequest` to its spans: `resource_spans`, `scope_spans`, `spans`
/// (opentelemetry-proto, `collector/trace/v1/trace_service.proto` and `trace/v1/trace.proto`).
const WAY_TO_SPANS: [u64; 3] = [1, 2, 2];

/// Collects on `listener` until it is killed.
pub(crate) async fn run(listener: TcpListener) -> Result<Infallible, Error> {
    let spans = Arc::new(AtomicU64::new(0));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let spans = Arc::clone(&spans);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&spans)));
            // A connection that breaks is the contender's to notice.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(Gentle::new(stream)), service)
                .await;
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
    // In pieces, as it came: to join them would keep the load waiting.
    let mut message = request.into_body().collect().await?.aggregate();
    if let Some(length) = message.remaining().checked_sub(PREFIX_BYTES).filter(|_| traces) {
        message.advance(PREFIX_BYTES);
        spans.fetch_add(count(&mut message, length, &WAY_TO_SPANS).unwrap_or_default(), Ordering::Relaxed);
    }
    // An empty message: everything was taken.
    let taken = Full::from(vec![0; PREFIX_BYTES]);
    let fine = HeaderMap::from_iter([(http::header::HeaderName::from_static("grpc-status"), HeaderValue::from(0))]);
    let mut response = Response::new(taken.with_trailers(async { Some(Ok(fine)) }).boxed());
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

/// How many messages lie at the end of `way`, a field number a level, in a message of `left` bytes. Nothing is copied, and
/// what lies on no way is skipped. `None` if it is no message.
pub(crate) fn count(message: &mut impl Buf, mut left: usize, way: &[u64]) -> Option<u64> {
    let Some((&field, further)) = way.split_first() else {
        message.advance(left);
        return Some(1);
    };
    let mut found = 0;
    while left > 0 {
        let key = varint(message, &mut left)?;
        let length = match key & 7 {
            // A number has no content.
            0 => varint(message, &mut left).map(|_| 0)?,
            1 => 8,
            2 => varint(message, &mut left)?,
            5 => 4,
            _ => return None,
        };
        let length = usize::try_from(length).ok()?;
        left = left.checked_sub(length)?;
        if key >> 3 == field {
            found += count(message, length, further)?;
        } else {
            message.advance(length);
        }
    }
    Some(found)
}

fn varint(message: &mut impl Buf, left: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0_u32..70).step_by(7) {
        *left = left.checked_sub(1)?;
        let byte = message.get_u8();
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
