"""One agent conversation, and what the backend shows of it."""

import base64
import secrets
from pathlib import Path
from typing import Any

import otlp
from agent import Call, Made, ask, converse, post
from backend import Backend
from program import API_KEY, LOOKUP, Chaperone, Sandbox
from relay import Relay
from report import Report, until
from script import (
    CONVERSATION,
    EMAIL,
    EVERY_SERVER_SPAN,
    EXPECTED,
    FOUND_EMAIL,
    MISFIT,
    MISSING_ID,
    NOTE,
    QUERY,
    UNKNOWN,
    UNKNOWN_METHOD,
    Expected,
)

# What `telemetry.otlp.protocol` calls them.
WORDS = {"grpc": "grpc", "http": "http/protobuf"}


# Under `chaperone.`: what a conversation moves, and what is there without one.
OVER_OTLP = (
    "account.budget.limit",
    "account.budget.remaining",
    "account.budget.reset",
    "added.duration",
    "decisions",
    "handbook.cache",
    "metric.exports",
    "policy.generation",
    "refusals",
    "reloads",
    "requests.in_flight",
    "server.expires",
    "spans",
    "upstream.connections",
    "upstream.connections.opened",
    "upstream.requests",
)


class Stage:
    """A backend, a relay in front of it, and a chaperone that exports through the relay."""

    def __init__(self, report: Report, program: str, otelite: str, folder: Path, protocol: str, more: str = ""):
        self.report, self.protocol = report, protocol
        folder.mkdir()
        self.backend = Backend(otelite, folder)
        self.sandbox = Sandbox(program, folder)
        self.relay = Relay(self.backend.port(protocol))
        self.backend.start()
        endpoint = f"http://127.0.0.1:{self.relay.port}"
        telemetry = f'  otlp: {{endpoint: "{endpoint}", protocol: {WORDS[protocol]}}}\n{more}'
        # The environment is heard too: batches leave at once and not after seconds.
        soon = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "500"}
        self.chaperone = Chaperone(program, folder / "serve", self.sandbox.url, telemetry, soon)

    def close(self) -> None:
        self.chaperone.process.kill()
        self.sandbox.process.kill()
        self.relay.close()
        self.backend.kill()

    def tokens(self) -> list[str]:
        """What opens something, in every form in which it is sent."""
        basic = base64.b64encode(f":{API_KEY}".encode()).decode()
        return [API_KEY, basic, self.chaperone.server_token, self.chaperone.api_token]


class Conversation(Stage):
    """The conversation and its traces."""

    def __init__(self, report: Report, program: str, otelite: str, folder: Path, protocol: str):
        super().__init__(report, program, otelite, folder, protocol)
        self.made: dict[str, Made] = {}
        self.revision = "2026-07-28" if protocol == "grpc" else "2025-11-25"

    def run(self) -> None:
        """Every step, in order."""
        step, protocol = self.report.step, self.protocol
        with step(f"{protocol}: the conversation goes as it should"):
            self.converses()
        for call in CONVERSATION:
            with step(f"{protocol}: the trace of `{call.name}`"):
                self.has_its_trace(call)
        with step(f"{protocol}: a traceparent in _meta is the parent, the one in the header a link"):
            self.links_the_header()
        with step(f"{protocol}: a traceparent in the header alone is the parent"):
            self.hears_the_header()
        with step(f"{protocol}: without a traceparent a trace begins"):
            self.begins_a_trace()
        with step(f"{protocol}: a method that nobody knows is no name"):
            self.names_no_unknown_method()
        with step(f"{protocol}: metrics arrive in the backend"):
            self.exports_metrics()
        with step(f"{protocol}: the end flushes what is left"):
            self.flushes()
        with step(f"{protocol}: no secret, argument value or result is in the raw export"):
            self.keeps_quiet(b"\0".join(self.relay.recorded()), "the recorded bytes")
            for request in otlp.requests(self.relay.recorded()):
                self.keeps_quiet(request.body, request.path, control=False)
                self.keeps_quiet(repr(request.headers).encode(), f"the headers of {request.path}", control=False)
        with step(f"{protocol}: nor in any attribute, event, status or resource"):
            for found in otlp.spans(self.relay.recorded()):
                self.keeps_quiet(f"{found.span} {found.attributes} {found.resource}".encode(), "a span", control=False)
        with step(f"{protocol}: nor in what the backend keeps"):
            # The agent's own spans are there too, and its SDK names them after the tool, known or not.
            self.keeps_quiet(self.backend.stored(), "the backend's storage", besides={UNKNOWN})
        with step(f"{protocol}: nor in the log"):
            self.keeps_quiet(self.chaperone.log().encode(), "the log", besides={UNKNOWN})

    def converses(self) -> None:
        chaperone = self.chaperone
        # The modern era in the first session; `traces` of both are told apart by nothing but the revision.
        mode = self.revision if self.protocol == "grpc" else "legacy"
        self.made = converse(chaperone.crm, chaperone.api_token, CONVERSATION, mode, self.backend.http)
        ends = {name: made.end for name, made in self.made.items()}
        assert ends == {name: expected.end for name, expected in EXPECTED.items()}, ends

    def has_its_trace(self, call: Call) -> None:
        made, expected = self.made[call.name], EXPECTED[call.name]
        least = 2 if expected.upstream is None else 3
        spans = self.backend.trace(made.trace_id, least)
        own = [span for span in spans if service(span) == "chaperone-under-test"]
        servers = [span for span in own if span["kind"] == "Server"]
        assert len(servers) == 1, f"expected one server span, got {[span['name'] for span in servers]}"
        server = servers[0]
        assert server["parent_span_id"] == made.span_id, (
            f"its parent is {server['parent_span_id']}, not the agent's span"
        )
        assert server["name"] == expected.name, server["name"]
        agree(server["attributes"], {**EVERY_SERVER_SPAN, **expected.attributes})
        assert "chaperone.policy.generation" in server["attributes"], server["attributes"]
        known = call.tool if call.tool != UNKNOWN else None
        agree(server["attributes"], {"gen_ai.tool.name": known, "mcp.protocol.version": self.revision})
        assert server["attributes"]["jsonrpc.request.id"], server["attributes"]
        assert UNKNOWN not in str(own), f"a name that nobody knows is in the trace: {own}"
        assert (server["status"]["code"] == "Error") == expected.error, server["status"]
        self.tells_of_the_upstream(own, server, expected)

    def tells_of_the_upstream(self, own: list[dict[str, Any]], server: dict[str, Any], expected: Expected) -> None:
        ids = {span["span_id"]: span for span in own}
        clients = [span for span in own if span["kind"] == "Client"]
        if expected.upstream is None:
            assert not clients, f"nothing was to be sent to Affinity: {clients}"
            return
        assert len(clients) == 1, f"expected one client span, got {clients}"
        client = clients[0]
        agree(client["attributes"], {**expected.upstream, "server.address": "127.0.0.1"})
        assert (client["status"]["code"] == "Error") == (client["attributes"]["http.response.status_code"] >= "400")
        # Up to the server span, through inner ones where there are any.
        above, steps = client["parent_span_id"], 0
        while above in ids and above != server["span_id"] and steps < 5:
            above, steps = ids[above]["parent_span_id"], steps + 1
        assert above == server["span_id"], f"the client span hangs on {client['parent_span_id']}"

    def links_the_header(self) -> None:
        header, meta = fresh(), fresh()
        post(self.chaperone.lookup, "list_all_affinity_whoami", {}, parent(header), parent(meta))
        server = self.exported_server(meta[0])
        assert server.parent_span_id.hex() == meta[1], server.parent_span_id.hex()
        links = [(link.trace_id.hex(), link.span_id.hex()) for link in server.links]
        assert links == [header], f"expected a link to the header's {header}, got {links}"

    def hears_the_header(self) -> None:
        header = fresh()
        post(self.chaperone.lookup, "list_all_affinity_whoami", {}, parent(header), None)
        server = self.exported_server(header[0])
        assert server.parent_span_id.hex() == header[1], server.parent_span_id.hex()
        assert not server.links, server.links

    def begins_a_trace(self) -> None:
        # A failed call names its trace, so that the person who reads of it finds it.
        answer = post(self.chaperone.lookup, "get_single_affinity_person_by_id", {"id": MISSING_ID}, None, None)
        trace_id = answer["result"]["structuredContent"]["trace_id"]
        server = self.exported_server(trace_id)
        assert not server.parent_span_id, server.parent_span_id.hex()
        spans = self.backend.trace(trace_id, 2)
        assert {span["attributes"].get("chaperone.server.name") for span in spans} >= {LOOKUP}, spans

    def names_no_unknown_method(self) -> None:
        position = fresh()
        params = {"_meta": {"traceparent": parent(position)}}
        answer = ask(self.chaperone.lookup, UNKNOWN_METHOD, params, None)
        assert answer["error"]["code"] == -32601, answer
        server = self.exported_server(position[0])
        assert server.name == "_OTHER", server.name
        agree(otlp.plain(server.attributes), {"mcp.method.name": "_OTHER", "error.type": "-32601"})

    def exported_server(self, trace_id: str) -> Any:
        """The server span of this trace, from the wire: the backend shows no links."""

        def look() -> Any:
            found = [span.span for span in otlp.spans(self.relay.recorded()) if span.trace_id == trace_id]
            servers = [span for span in found if span.kind == span.SPAN_KIND_SERVER]
            assert len(servers) == 1, f"{len(servers)} server spans in trace {trace_id}"
            return servers[0]

        return until("the server span is exported", look)

    def exports_metrics(self) -> None:
        wanted = {
            "mcp.server.operation.duration",
            "http.client.request.duration",
            *(f"chaperone.{name}" for name in OVER_OTLP),
        }

        def look() -> bool:
            missing = wanted - self.backend.metric_names()
            # Tells who lost them: chaperone, which did not send, or the backend, which did not keep.
            sent = sorted(otlp.metrics(self.relay.recorded()))
            assert not missing, f"missing: {sorted(missing)}, on the wire: {sent}, {self.chaperone.trouble()}"
            return True

        until("metrics in the backend", look)
        duration = otlp.metrics(self.relay.recorded())["mcp.server.operation.duration"]
        assert duration.unit == "s", duration.unit
        bounds = list(duration.histogram.data_points[0].explicit_bounds)
        assert bounds == [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300], bounds

    def flushes(self) -> None:
        last = fresh()
        post(self.chaperone.lookup, "list_all_affinity_whoami", {}, None, parent(last))
        code = self.chaperone.process.end()
        assert code == 0, f"exit code {code}"
        # Nothing is sent any more: what is not on the wire now will never be.
        self.exported_server(last[0])
        self.backend.trace(last[0], 2)

    def keeps_quiet(self, text: bytes, where: str, control: bool = True, besides: set[str] = frozenset()) -> None:
        """None of what is secret is in there. The control is found: a search that cannot find proves nothing."""
        if control:
            assert b"create_a_affinity_note" in text, f"{where} cannot be searched: the tool's name is not in it"
        for needle in self.secrets():
            assert needle in besides or needle.encode() not in text, f"{needle} is in {where}"

    def secrets(self) -> list[str]:
        return [*self.tokens(), NOTE, EMAIL, FOUND_EMAIL, QUERY, MISFIT, str(MISSING_ID), UNKNOWN, UNKNOWN_METHOD]


class Sampling(Stage):
    """Where nothing is sampled, what failed or was refused is told, and what the caller traces itself."""

    def __init__(self, report: Report, program: str, otelite: str, folder: Path, protocol: str):
        super().__init__(report, program, otelite, folder, protocol, "  traces: {sample: 0}")

    def run(self) -> None:
        step = self.report.step
        lookup, names = self.chaperone.lookup, []
        post(lookup, "list_all_affinity_whoami", {}, None, None)
        post(lookup, "list_all_affinity_whoami", {}, None, f"00-{'a' * 32}-{'b' * 16}-00")
        post(lookup, "list_all_affinity_whoami", {}, None, f"00-{'c' * 32}-{'d' * 16}-01")
        post(lookup, "create_a_affinity_note", {"content": NOTE}, None, None)
        post(lookup, "get_single_affinity_person_by_id", {"id": MISSING_ID}, None, f"00-{'e' * 32}-{'f' * 16}-00")
        post(lookup, UNKNOWN, {}, None, None)
        with step("sampling: the end flushes"):
            assert self.chaperone.process.end() == 0
            exported = otlp.spans(self.relay.recorded())
            names = [found.span.name for found in exported if found.span.kind == found.span.SPAN_KIND_SERVER]
        with step("sampling: what failed or was refused is told, of the rest what the caller traces"):
            whoami, note, person = "list_all_affinity_whoami", "create_a_affinity_note", "get_single_affinity_person_by_id"
            assert names == [*(f"tools/call {tool}" for tool in (whoami, note, person)), "tools/call"], names


class Capture(Stage):
    """With `telemetry.capture` on, arguments and results are told, but for the fields that are masked."""

    def __init__(self, report: Report, program: str, otelite: str, folder: Path, protocol: str):
        super().__init__(report, program, otelite, folder, protocol, "  capture: [arguments, results]")

    def run(self) -> None:
        with self.report.step("capture: arguments and results are told, but for what is masked"):
            calls = [call for call in CONVERSATION if call.name in ("look", "read", "write", "person")]
            converse(self.chaperone.crm, self.chaperone.api_token, calls, "2026-07-28")
            assert self.chaperone.process.end() == 0
            attributes = [span.attributes for span in otlp.spans(self.relay.recorded())]
            told = [one["gen_ai.tool.call.arguments"] for one in attributes if "gen_ai.tool.call.arguments" in one]
            got = [one["gen_ai.tool.call.result"] for one in attributes if "gen_ai.tool.call.result" in one]
            assert len(told) == len(got) == len(calls), f"{len(told)} and {len(got)} of {len(calls)}"
            assert any(QUERY in text for text in told), told
            assert any("Whitfield" in text for text in got), got
            for needle in (*self.tokens(), NOTE, EMAIL, FOUND_EMAIL):
                assert needle not in str(attributes), f"{needle} is told"


def agree(attributes: dict[str, str], expected: dict[str, Any]) -> None:
    """The attributes say what is expected of them; others may be there."""
    wrong = {key: attributes.get(key) for key, value in expected.items() if attributes.get(key) != value}
    assert not wrong, f"expected { {key: expected[key] for key in wrong} }, got {wrong} among {sorted(attributes)}"


def service(span: dict[str, Any]) -> str | None:
    return ((span.get("resource") or {}).get("attributes") or {}).get("service.name")


def fresh() -> tuple[str, str]:
    """A trace id and a span id."""
    return secrets.token_hex(16), secrets.token_hex(8)


def parent(position: tuple[str, str]) -> str:
    return f"00-{position[0]}-{position[1]}-01"
