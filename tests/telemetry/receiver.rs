//! A stand-in for a tracing backend: takes OTLP over gRPC and as protocol buffers over HTTP, or refuses, as it is told.

use std::{
    convert::Infallible,
    io::Read as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::read::GzDecoder;
use futures_util::stream;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, any_value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime::Runtime,
};
use tokio_rustls::TlsAcceptor;

#[derive(Default)]
struct Stage {
    refusing: bool,
    attempts: usize,
    headers: Vec<HeaderMap>,
    raw: Vec<Bytes>,
    spans: Vec<Span>,
    services: Vec<String>,
    metrics: Vec<String>,
}

/// The stand-in; it ends when it is dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    stage: Arc<Mutex<Stage>>,
    _runtime: Runtime,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        Self::over(None)
    }

    /// One that speaks TLS only.
    pub(crate) fn with_tls(acceptor: TlsAcceptor) -> Self {
        Self::over(Some(acceptor))
    }

    fn over(tls: Option<TlsAcceptor>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let stage = Arc::new(Mutex::new(Stage::default()));
        runtime.spawn(accept(listener, tls, stage.clone()));
        Self { address, stage, _runtime: runtime }
    }

    /// Refuse everything, or take it again.
    pub(crate) fn refuse(&self, refusing: bool) {
        self.stage.lock().unwrap().refusing = refusing;
    }

    /// Exports that came, refused ones too.
    pub(crate) fn attempts(&self) -> usize {
        self.stage.lock().unwrap().attempts
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.stage.lock().unwrap().spans.clone()
    }

    pub(crate) fn services(&self) -> Vec<String> {
        self.stage.lock().unwrap().services.clone()
    }

    pub(crate) fn metrics(&self) -> Vec<String> {
        self.stage.lock().unwrap().metrics.clone()
    }

    pub(crate) fn headers(&self) -> Vec<HeaderMap> {
        self.stage.lock().unwrap().headers.clone()
    }

    /// Does this text stand anywhere in what was exported?
    pub(crate) fn knows(&self, text: &str) -> bool {
        let stage = self.stage.lock().unwrap();
        stage.raw.iter().any(|body| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, stage: Arc<Mutex<Stage>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (stage, tls) = (stage.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, stage).await,
                // A client that does not trust us goes away.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, stage).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, stage: Arc<Mutex<Stage>>) {
    let service = service_fn(move |request| respond(request, stage.clone()));
    auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await.ok();
}

type Body = StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

async fn respond(request: Request<Incoming>, stage: Arc<Mutex<Stage>>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let mut body = body.collect().await.unwrap().to_bytes();
    let grpc = parts.headers["content-type"] == "application/grpc";
    let mut packed = parts.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip");
    if grpc {
        // The message stands behind a flag and its length (gRPC over HTTP/2, "Length-Prefixed-Message").
        packed = body[0] == 1;
        body = body.slice(5..);
    }
    if packed {
        let mut whole = Vec::new();
        GzDecoder::new(&*body).read_to_end(&mut whole).unwrap();
        body = whole.into();
    }
    let refused = {
        let mut stage = stage.lock().unwrap();
        stage.attempts += 1;
        if !stage.refusing {
            take(&mut stage, parts.uri.path(), &body);
            stage.headers.push(parts.headers);
            stage.raw.push(body);
        }
        stage.refusing
    };
    Ok(if grpc { answer_grpc(refused) } else { answer_http(refused) })
}

fn take(stage: &mut Stage, path: &str, body: &Bytes) {
    if path.contains("metrics") || path.contains("Metrics") {
        let export = ExportMetricsServiceRequest::decode(body.clone()).unwrap();
        let metrics = export.resource_metrics.into_iter().flat_map(|one| one.scope_metrics).flat_map(|one| one.metrics);
        stage.metrics.extend(metrics.map(|metric| metric.name));
        return;
    }
    let export = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    for one in export.resource_spans {
        let attributes = one.resource.unwrap().attributes;
        let name = attributes.into_iter().find(|attribute| attribute.key == "service.name").unwrap();
        stage.services.push(shown(name.value.unwrap()));
        stage.spans.extend(one.scope_spans.into_iter().flat_map(|one| one.spans));
    }
}

fn answer_http(refused: bool) -> Response<Body> {
    let mut response = Response::new(StreamBody::new(stream::iter(Vec::new())));
    if refused {
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

fn answer_grpc(refused: bool) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    // 14 is UNAVAILABLE.
    trailers.insert("grpc-status", if refused { 14 } else { 0 }.into());
    let mut empty = BytesMut::new();
    empty.put_bytes(0, 5);
    let mut frames = vec![Ok(Frame::trailers(trailers))];
    if !refused {
        frames.insert(0, Ok(Frame::data(empty.freeze())));
    }
    Response::builder().header("content-type", "application/grpc").body(StreamBody::new(stream::iter(frames))).unwrap()
}

/// The value of an attribute as text; empty where there is none.
pub(crate) fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    found.and_then(|attribute| attribute.value.clone()).map(shown).unwrap_or_default()
}

fn shown(value: AnyValue) -> String {
    match value.value {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

pub(crate) fn hex(id: &[u8]) -> String {
    let number = id.iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    format!("{number:0width$x}", width = id.len() * 2)
}
