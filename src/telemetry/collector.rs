//! The collector of traces: OTLP over gRPC, or as protocol buffers over HTTP
//! (<https://opentelemetry.io/docs/specs/otlp/>). What spans are as bytes is for those who write them; here they are
//! framed, compressed where that is wanted, and sent.

mod answer;

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header, uri::PathAndQuery};
use opentelemetry_sdk::Resource;
use tokio::task::spawn_blocking;

use super::http::{HyperClient, Pieces};
use super::protobuf::{Message, varint_length};
use super::queue::Batch;
use super::settings::{Otlp, Protocol};
use crate::causes::causes;

pub(super) use answer::{Again, Failed, Taken};

/// The method of gRPC (`collector/trace/v1/trace_service.proto`).
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Fields of `ExportTraceServiceRequest`, `ResourceSpans` and `ScopeSpans`.
const RESOURCE_SPANS: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPE_SPANS: u32 = 2;
const SCOPE: u32 = 1;

/// Takes traces.
#[derive(Debug)]
pub struct Collector {
    client: HyperClient,
    protocol: Protocol,
    uri: Uri,
    headers: HeaderMap,
    gzip: bool,
    resource: Vec<u8>,
    scope: Vec<u8>,
}

/// A batch as it is sent, perhaps more than once.
#[derive(Debug)]
pub(super) struct Export {
    pieces: Vec<Bytes>,
    gzip: bool,
}

impl Export {
    /// What was sent, for its room.
    pub(super) fn into_pieces(self) -> Vec<Bytes> {
        self.pieces
    }
}

impl Collector {
    /// A collector with no connection yet. Needs a running tokio.
    ///
    /// # Errors
    /// What of the configuration cannot work, for a person.
    pub(super) fn new(
        otlp: &Otlp,
        (endpoint, protocol): (&str, Protocol),
        headers: HeaderMap,
        resource: &Resource,
    ) -> Result<Self, String> {
        let grpc = protocol == Protocol::Grpc;
        let unusable = |error: &dyn std::error::Error| format!("telemetry.otlp.endpoint: {error}");
        let mut uri: Uri = endpoint.parse().map_err(|error| unusable(&error))?;
        if grpc {
            // Services of gRPC have no place but the root.
            let mut parts = uri.into_parts();
            parts.path_and_query = Some(PathAndQuery::from_static(EXPORT));
            uri = Uri::from_parts(parts).map_err(|error| unusable(&error))?;
        }
        let mut all = HeaderMap::new();
        let media_type = if grpc { "application/grpc" } else { "application/x-protobuf" };
        all.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        let agent = concat!("chaperone/", env!("CARGO_PKG_VERSION"));
        all.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        if grpc {
            all.insert(header::TE, HeaderValue::from_static("trailers"));
        }
        all.extend(headers);
        Ok(Self {
            client: HyperClient::new(otlp.ca_file.as_deref(), otlp.timeout, grpc)?,
            protocol,
            uri,
            headers: all,
            gzip: otlp.gzip,
            resource: encoded_resource(resource),
            scope: encoded_scope(),
        })
    }

    /// Make a batch ready to be sent; `reuse` gets what is no longer needed for that, for its room.
    pub(super) async fn pack(&self, batch: Batch, reuse: impl FnOnce(Vec<Bytes>)) -> Export {
        let mut pieces = vec![self.head(batch.length)];
        pieces.extend(batch.into_pieces());
        let mut export = Export { pieces, gzip: false };
        if self.gzip {
            let pieces = export.pieces.clone();
            // It takes milliseconds, which calls would have to wait. Should it fail, the batch goes as it is.
            if let Ok(Ok(packed)) = spawn_blocking(move || compress(&pieces)).await {
                reuse(export.pieces);
                export = Export { pieces: vec![packed.into()], gzip: true };
            }
        }
        if self.protocol == Protocol::Grpc {
            export.pieces.insert(0, prefix(&export));
        }
        export
    }

    /// Send what is packed, once.
    pub(super) async fn send(&self, export: &Export) -> Result<Taken, Failed> {
        let mut request = Request::new(export.pieces.iter().cloned().collect::<Pieces>());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        if export.gzip {
            let name = match self.protocol {
                Protocol::Grpc => HeaderName::from_static("grpc-encoding"),
                Protocol::Http => header::CONTENT_ENCODING,
            };
            request.headers_mut().insert(name, HeaderValue::from_static("gzip"));
        }
        let answer = self.client.exchange(request).await;
        let answer = answer.map_err(|error| Failed { text: causes(&*error), again: Again::Yes(None) })?;
        match self.protocol {
            Protocol::Grpc => answer::of_grpc(answer),
            Protocol::Http => answer::of_http(answer),
        }
    }

    /// What stands before the spans, of which there are so many bytes.
    fn head(&self, spans: usize) -> Bytes {
        let of_scope = self.scope.len() + spans;
        let of_resource = self.resource.len() + 1 + varint_length(of_scope) + of_scope;
        let mut bytes = Vec::with_capacity(self.resource.len() + self.scope.len() + 16);
        Message(&mut bytes).head(RESOURCE_SPANS, of_resource);
        bytes.extend_from_slice(&self.resource);
        Message(&mut bytes).head(SCOPE_SPANS, of_scope);
        bytes.extend_from_slice(&self.scope);
        bytes.into()
    }
}

fn encoded_resource(resource: &Resource) -> Vec<u8> {
    let mut bytes = Vec::new();
    Message(&mut bytes).message(RESOURCE, |message| {
        for (key, value) in resource {
            message.message(1, |pair| {
                pair.bytes(1, key.as_str().as_bytes());
                pair.message(2, |any| any.bytes(1, value.as_str().as_bytes()));
            });
        }
    });
    bytes
}

fn encoded_scope() -> Vec<u8> {
    let mut bytes = Vec::new();
    Message(&mut bytes).message(SCOPE, |scope| {
        scope.bytes(1, b"chaperone");
        scope.bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
    });
    bytes
}

/// Spans are alike: the fastest level already takes most of them away.
fn compress(pieces: &[Bytes]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for piece in pieces {
        encoder.write_all(piece)?;
    }
    encoder.finish()
}

/// What stands before a message (gRPC over HTTP/2, "Length-Prefixed-Message"). A batch is far below 4 GiB.
fn prefix(export: &Export) -> Bytes {
    let length: usize = export.pieces.iter().map(Bytes::len).sum();
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    Bytes::from([&[u8::from(export.gzip)], &length[..]].concat())
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, any_value};
    use opentelemetry_proto::tonic::trace::v1::Span;
    use prost::Message as _;

    use super::*;
    use crate::telemetry::queue::Queue;

    #[tokio::test]
    async fn spans_are_framed_by_resource_and_scope_whatever_their_size() {
        let resource = Resource::builder_empty().with_attribute(KeyValue::new("service.name", "under-test")).build();
        let target = ("http://localhost:4318/v1/traces", Protocol::Http);
        let collector = Collector::new(&Otlp::default(), target, HeaderMap::new(), &resource).unwrap();
        for sizes in [&[][..], &[1], &[100, 200], &[40_000, 70_000, 3]] {
            let spans: Vec<_> = sizes.iter().map(|size| Span { name: "x".repeat(*size), ..Span::default() }).collect();
            let queue = Queue::new(10, 10);
            for span in &spans {
                queue.put(|bytes| Message(bytes).bytes(2, &span.encode_to_vec()));
            }
            queue.close();
            let batch = queue.take(std::time::Duration::ZERO).await.unwrap_or_default();
            let bytes = collector.pack(batch, drop).await.pieces.concat();
            let export = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
            let [of_resource] = &export.resource_spans[..] else { panic!("{export:?}") };
            let [of_scope] = &of_resource.scope_spans[..] else { panic!("{export:?}") };
            let attributes = &of_resource.resource.as_ref().unwrap().attributes;
            let name = Some(any_value::Value::StringValue("under-test".into()));
            assert_eq!((attributes.len(), attributes[0].key.as_str()), (1, "service.name"));
            assert_eq!(attributes[0].value, Some(AnyValue { value: name }));
            let (name, version) = ("chaperone".into(), env!("CARGO_PKG_VERSION").into());
            assert_eq!(of_scope.scope, Some(InstrumentationScope { name, version, ..InstrumentationScope::default() }));
            assert_eq!(of_scope.spans, spans);
        }
    }

    #[tokio::test]
    async fn what_was_packed_comes_back_for_its_room() {
        let target = ("http://localhost:4318/v1/traces", Protocol::Http);
        for gzip in [false, true] {
            let (otlp, resource) = (Otlp { gzip, ..Otlp::default() }, Resource::builder_empty().build());
            let collector = Collector::new(&otlp, target, HeaderMap::new(), &resource).unwrap();
            let queue = Queue::new(1, 1);
            queue.put(|bytes| bytes.extend_from_slice(b"a span"));
            let batch = queue.take(std::time::Duration::ZERO).await.unwrap();
            let mut back = Vec::new();
            let export = collector.pack(batch, |pieces| back = pieces).await;
            assert_eq!((export.gzip, back.concat().ends_with(b"a span")), (gzip, gzip));
        }
    }

    #[tokio::test]
    async fn grpc_has_its_own_path_whatever_the_endpoint_says() {
        let resource = Resource::builder_empty().build();
        for endpoint in ["http://c:4317", "http://c:4317/", "http://c:4317/some/path"] {
            let target = (endpoint, Protocol::Grpc);
            let collector = Collector::new(&Otlp::default(), target, HeaderMap::new(), &resource).unwrap();
            assert_eq!(collector.uri, *format!("http://c:4317{EXPORT}"));
        }
    }
}
