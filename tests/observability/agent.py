"""The agent: the Python SDK of MCP under a real OpenTelemetry SDK, so that its spans are the parents of chaperone's."""

import asyncio
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

# One conversation, in seconds.
CONVERSATION = 60

_spans = InMemorySpanExporter()


def begin_tracing() -> None:
    """Keep the agent's spans in memory; `export_to` sends them to a backend too."""
    provider = TracerProvider(resource=Resource.create({"service.name": "agent"}))
    provider.add_span_processor(SimpleSpanProcessor(_spans))
    trace.set_tracer_provider(provider)


@dataclass
class Call:
    """A call to make."""

    # What the tests call it.
    name: str
    tool: str
    arguments: dict[str, Any]


@dataclass
class Made:
    """A call that was made: where the agent's span stands, and how the call ended."""

    trace_id: str
    span_id: str
    # `ok`, the `error` word of a failed tool result, or the code of a JSON-RPC error.
    end: str


def converse(url: str, api_token: str, calls: list[Call], mode: str, export_to: int | None = None) -> dict[str, Made]:
    """Make these calls one after the other in one session; every one is a trace of its own."""
    _spans.clear()
    ends = asyncio.run(asyncio.wait_for(_converse(url, api_token, calls, mode), CONVERSATION))
    spans = list(_spans.get_finished_spans())
    if export_to is not None:
        exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{export_to}/v1/traces")
        _export(exporter, spans)
    # The SDK sends one request for each call; what it lists on its own account is not asked about.
    sent = [span for span in spans if span.name.startswith("MCP send tools/call ")]
    assert [span.name.split()[-1] for span in sent] == [call.tool for call in calls], [span.name for span in sent]
    return {call.name: _made(span, end) for call, span, end in zip(calls, sent, ends)}


async def _converse(url: str, api_token: str, calls: list[Call], mode: str) -> list[str]:
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {api_token}"}) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode) as client:
            return [await _end(client, call) for call in calls]


async def _end(client: Client, call: Call) -> str:
    try:
        result = await client.call_tool(call.tool, call.arguments)
    except MCPError as error:
        return str(error.error.code)
    return (result.structured_content or {}).get("error", "tool error") if result.is_error else "ok"


def _made(span: ReadableSpan, end: str) -> Made:
    context = span.get_span_context()
    assert context and span.parent is None
    return Made(f"{context.trace_id:032x}", f"{context.span_id:016x}", end)


def _export(exporter: SpanExporter, spans: list[ReadableSpan]) -> None:
    assert exporter.export(spans).name == "SUCCESS", "the agent's own spans were not taken by the backend"


def post(url: str, tool: str, arguments: dict[str, Any], header: str | None, meta: str | None) -> dict[str, Any]:
    """One call by hand, with a `traceparent` in the HTTP header, in `_meta`, in both or in none."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if meta:
        params["_meta"] = {"traceparent": meta}
    return ask(url, "tools/call", params, header)


def ask(url: str, method: str, params: dict[str, Any], header: str | None) -> dict[str, Any]:
    """One message by hand; an error is an answer."""
    body = json.dumps({"jsonrpc": "2.0", "id": "by-hand", "method": method, "params": params}).encode()
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if header:
        headers["traceparent"] = header
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as answer:
        return json.load(answer)
