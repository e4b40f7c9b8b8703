"""From recorded bytes to OTLP messages: HTTP/2 with gRPC, or HTTP/1.1, whichever the connection speaks."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hpack
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, CONTINUATION = 0, 1, 9
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20
# Of a gRPC message: one byte that says whether it is compressed, four of its length.
GRPC_PREFIX = 5


@dataclass
class Request:
    """One request as it was sent, its body uncompressed."""

    headers: dict[str, str]
    path: str
    body: bytes


@dataclass
class Span:
    """A span with the attributes of its resource."""

    span: Any
    resource: dict[str, Any]

    @property
    def trace_id(self) -> str:
        return self.span.trace_id.hex()

    @property
    def attributes(self) -> dict[str, Any]:
        return plain(self.span.attributes)


def requests(recorded: list[bytes]) -> list[Request]:
    """Every whole request of these connections."""
    found: list[Request] = []
    for sent in recorded:
        found.extend(_http2(sent[len(PREFACE) :]) if sent.startswith(PREFACE) else _http1(sent))
    return found


def spans(recorded: list[bytes]) -> list[Span]:
    """Every span that was exported, in the order of export."""
    found = []
    for request in requests(recorded):
        if request.path not in ("/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"):
            continue
        for group in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            resource = plain(group.resource.attributes)
            found.extend(Span(span, resource) for scope in group.scope_spans for span in scope.spans)
    return found


def metrics(recorded: list[bytes]) -> dict[str, Any]:
    """The last that was exported of every metric, by name."""
    found = {}
    for request in requests(recorded):
        if request.path not in ("/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"):
            continue
        for group in ExportMetricsServiceRequest.FromString(request.body).resource_metrics:
            found.update({metric.name: metric for scope in group.scope_metrics for metric in scope.metrics})
    return found


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as Python values."""
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def _http2(sent: bytes) -> Iterator[Request]:
    decoder = hpack.Decoder()
    headers: dict[int, dict[str, str]] = {}
    bodies: dict[int, bytearray] = {}
    block, at = bytearray(), 0
    while at + 9 <= len(sent):
        length = int.from_bytes(sent[at : at + 3], "big")
        kind, flags = sent[at + 3], sent[at + 4]
        stream = int.from_bytes(sent[at + 5 : at + 9], "big") & 0x7FFFFFFF
        payload = sent[at + 9 : at + 9 + length]
        at += 9 + length
        if len(payload) < length:
            break
        if kind in (DATA, HEADERS) and flags & PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        if kind == HEADERS and flags & PRIORITY:
            payload = payload[5:]
        if kind in (HEADERS, CONTINUATION):
            block += payload
            if flags & END_HEADERS:
                headers.setdefault(stream, {}).update({_text(k): _text(v) for k, v in decoder.decode(bytes(block))})
                block = bytearray()
        elif kind == DATA:
            bodies.setdefault(stream, bytearray()).extend(payload)
    for stream, body in bodies.items():
        message = bytes(body)
        if len(message) < GRPC_PREFIX or len(message) < GRPC_PREFIX + int.from_bytes(message[1:5], "big"):
            continue
        packed, message = message[0], message[GRPC_PREFIX:]
        yield Request(headers[stream], headers[stream][":path"], gzip.decompress(message) if packed else message)


def _text(text: bytes | str) -> str:
    return text.decode() if isinstance(text, bytes) else text


def _http1(sent: bytes) -> Iterator[Request]:
    while b"\r\n\r\n" in sent:
        head, sent = sent.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body, sent = _chunks(sent)
        else:
            length = int(headers.get("content-length", 0))
            body, sent = (sent[:length] if len(sent) >= length else None), sent[length:]
        if body is None:
            return
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        yield Request(headers, first.split(" ")[1], body)


def _chunks(sent: bytes) -> tuple[bytes | None, bytes]:
    body = bytearray()
    while b"\r\n" in sent:
        size, sent = sent.split(b"\r\n", 1)
        length = int(size.split(b";")[0], 16)
        body += sent[:length]
        sent = sent[length + 2 :]
        if length == 0:
            return bytes(body), sent
    return None, sent
