"""After a scripted run every metric of README's table is on `/metrics` and has moved as it should."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

from agent import converse, post
from backend import Backend
from exposition import families, total
from program import ACCOUNT, CRM, DENY_RULE, LOOKUP, LOOKUP_POLICY, Chaperone, Sandbox
from report import Report, until
from script import CONVERSATION

README = Path(__file__).parents[2] / "README.md"
# Queue of the exporter: so few spans wait that a dead backend is noticed at once.
QUEUE = 8


OPERATION = "mcp_server_operation_duration_seconds"
ADDED = "chaperone_added_duration_seconds"
UPSTREAM = "http_client_request_duration_seconds"
DECISIONS = "chaperone_decisions_total"
REFUSALS = "chaperone_refusals_total"
RELOADS = "chaperone_reloads_total"
SPANS = "chaperone_spans_total"
HANDBOOK = "chaperone_handbook_cache_total"
AUDIT = "chaperone_audit_total"
EXPORTS = "chaperone_metric_exports_total"
LEFT = "chaperone_account_budget"
EXPIRES = "chaperone_server_expires"
CONNECTIONS = "chaperone_upstream_connections"
OPENED = "chaperone_upstream_connections_opened_total"
AT_WORK = "chaperone_upstream_requests"


@dataclass
class Moves:
    """A sample that has to rise during the run, by at least so much."""

    metric: str
    kind: str
    sample: str
    labels: dict[str, str]
    least: float = 1


@dataclass
class Stands:
    """A sample that has to stand between these bounds at the end of the run."""

    metric: str
    kind: str
    sample: str
    labels: dict[str, str]
    lowest: float
    highest: float


CALLS = {"mcp_method_name": "tools/call"}
LOOKS = {"gen_ai_tool_name": "get_single_affinity_person_by_id"}
BUDGET = {"chaperone_account": ACCOUNT, "chaperone_ratelimit_scope": "user"}

TABLE: list[Moves | Stands] = [
    # All eight calls of the conversation and one by hand, and what the SDK lists on its own account.
    Moves(OPERATION, "histogram", f"{OPERATION}_count", CALLS, 9),
    Moves(OPERATION, "histogram", f"{OPERATION}_count", {"mcp_method_name": "tools/list"}),
    Moves(OPERATION, "histogram", f"{OPERATION}_count", {**CALLS, **LOOKS}, 2),
    Moves(OPERATION, "histogram", f"{OPERATION}_count", {**CALLS, "error_type": "tool_error"}, 2),
    Moves(OPERATION, "histogram", f"{OPERATION}_count", {"error_type": "-32602", "gen_ai_tool_name": "_OTHER"}),
    Moves(ADDED, "histogram", f"{ADDED}_count", {}, 9),
    # Within a second, or something is very wrong.
    Moves(ADDED, "histogram", f"{ADDED}_bucket", {"le": "1"}, 9),
    Moves(UPSTREAM, "histogram", f"{UPSTREAM}_count", {"http_response_status_code": "200"}, 5),
    Moves(UPSTREAM, "histogram", f"{UPSTREAM}_count", {"http_response_status_code": "422"}),
    Moves(DECISIONS, "counter", DECISIONS, {"chaperone_decision": "allow", "chaperone_server_name": CRM}, 6),
    Moves(DECISIONS, "counter", DECISIONS, {"chaperone_decision": "deny", "chaperone_rule": DENY_RULE.split(":")[0]}),
    Moves(DECISIONS, "counter", DECISIONS, {"chaperone_decision": "deny", "chaperone_rule": "no such tool"}),
    Moves(REFUSALS, "counter", REFUSALS, {"chaperone_refusal": "unknown_tool"}, 2),
    Moves(REFUSALS, "counter", REFUSALS, {"chaperone_refusal": "invalid_arguments"}),
    Moves(REFUSALS, "counter", REFUSALS, {"chaperone_refusal": "not_found"}),
    Moves(REFUSALS, "counter", REFUSALS, {"chaperone_refusal": "unknown_server"}),
    Moves(RELOADS, "counter", RELOADS, {"chaperone_result": "accepted"}, 2),
    Moves(RELOADS, "counter", RELOADS, {"chaperone_result": "refused"}),
    Moves(SPANS, "counter", SPANS, {"chaperone_result": "sent"}, 9),
    Moves(SPANS, "counter", SPANS, {"chaperone_result": "dropped"}),
    Moves(HANDBOOK, "counter", HANDBOOK, {"chaperone_result": "hit"}),
    Moves(HANDBOOK, "counter", HANDBOOK, {"chaperone_result": "miss"}),
    Moves(EXPORTS, "counter", EXPORTS, {"chaperone_result": "sent"}),
    Moves(EXPORTS, "counter", EXPORTS, {"chaperone_result": "failed"}),
    Moves(AUDIT, "counter", AUDIT, {"chaperone_result": "written"}, 9),
    # The one that asks is at work on another listener.
    Stands("chaperone_requests_in_flight", "gauge", "chaperone_requests_in_flight", {}, 0, 0),
    Stands(CONNECTIONS, "gauge", CONNECTIONS, {"server_address": "127.0.0.1"}, 1, 8),
    Moves(OPENED, "counter", OPENED, {"server_address": "127.0.0.1"}),
    Stands(AT_WORK, "gauge", AT_WORK, {"chaperone_account": ACCOUNT, "chaperone_state": "active"}, 0, 0),
    Stands(AT_WORK, "gauge", AT_WORK, {"chaperone_account": ACCOUNT, "chaperone_state": "waiting"}, 0, 0),
    Moves("chaperone_policy_generation", "gauge", "chaperone_policy_generation", {}, 2),
    # The store of the scripted run is one that nobody reaches.
    Stands("chaperone_limits_shared", "gauge", "chaperone_limits_shared", {}, 0, 0),
    Stands(f"{LEFT}_remaining", "gauge", f"{LEFT}_remaining", BUDGET, 800, 890),
    Stands(f"{LEFT}_limit", "gauge", f"{LEFT}_limit", BUDGET, 900, 900),
    Stands(f"{LEFT}_reset", "gauge", f"{LEFT}_reset", BUDGET, 0, 60),
    # 2099-01-01, as the policy says.
    Stands(EXPIRES, "gauge", EXPIRES, {"chaperone_server_name": CRM}, 4070908800, 4070908800),
]


class Metrics:
    """A chaperone, what is done to it, and what its `/metrics` says before and after."""

    def __init__(self, report: Report, program: str, otelite: str, folder: Path):
        self.report = report
        folder.mkdir()
        self.backend = Backend(otelite, folder).start()
        self.sandbox = Sandbox(program, folder)
        telemetry = f'  otlp: {{endpoint: "http://127.0.0.1:{self.backend.grpc}", protocol: grpc}}\n  audit: {{file: ./audit.log}}'
        small = {
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_BSP_MAX_QUEUE_SIZE": str(QUEUE),
            "OTEL_METRIC_EXPORT_INTERVAL": "200",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1000",
        }
        self.chaperone = Chaperone(program, folder / "serve", self.sandbox.url, telemetry, small)
        self.before = self.after = ""

    def close(self) -> None:
        self.chaperone.process.kill()
        self.sandbox.process.kill()
        self.backend.kill()

    def run(self) -> str:
        """Every step; what `/metrics` said at the end."""
        step = self.report.step
        with step("metrics: the scripted run"):
            self.before = self.chaperone.scrape()
            try:
                self.script()
            finally:
                # Whatever became of the script: the steps below then say what is missing.
                self.after = self.chaperone.scrape()
        with step("metrics: the exposition is valid for Prometheus's own parser"):
            assert families(self.after), "nothing is exposed"
        with step("metrics: README's table and /metrics name the same metrics"):
            self.is_documented()
        for row in TABLE:
            with step(f"metrics: {row.sample}{row.labels or ''}"):
                self.moved(row)
        with step("metrics: no name that a caller made up is a label"):
            made_up = [call.tool for call in CONVERSATION if call.name == "unknown"] + ["not/a/method"]
            there = [name for name in made_up if name in self.after]
            assert not there, there
        return self.after

    def script(self) -> None:
        chaperone = self.chaperone
        for calls in (CONVERSATION, CONVERSATION[:1]):
            # The second session is answered with what was prepared for the first.
            converse(chaperone.crm, chaperone.api_token, calls, "2026-07-28")
        post(chaperone.lookup, "list_all_affinity_whoami", {}, None, None)
        self.reloads("accepted", LOOKUP_POLICY.replace("[read]", "[list, get]"))
        self.reloads("refused", LOOKUP_POLICY.replace("[read]", "[raed]"))
        self.reloads("accepted", LOOKUP_POLICY)
        self.asks_for_a_stranger()
        for name, least in ((SPANS, 9), (EXPORTS, 1)):
            until(f"{name} were sent", lambda: total(chaperone.scrape(), name, {"chaperone_result": "sent"}) >= least)
        self.backend.kill()
        for _ in range(5 * QUEUE):
            post(chaperone.lookup, "list_all_affinity_whoami", {}, None, None)
        until("an export fails", lambda: total(chaperone.scrape(), EXPORTS, {"chaperone_result": "failed"}) >= 1)

    def asks_for_a_stranger(self) -> None:
        """A token that no server has."""
        try:
            post(f"http://{self.chaperone.address}/mcp/nobody", "list_all_affinity_whoami", {}, None, None)
        except HTTPError as error:
            assert error.code == 404, error.code

    def reloads(self, result: str, policy: str) -> None:
        """Write a policy and wait until the reload is counted."""
        name, labels = RELOADS, {"chaperone_result": result}
        before = total(self.chaperone.scrape(), name, labels)
        self.chaperone.policy(LOOKUP, policy)
        until(f"a reload with {labels}", lambda: total(self.chaperone.scrape(), name, labels) > before)

    def is_documented(self) -> None:
        shown = {name for name in families(self.after) if not name.startswith(("target", "otel_scope"))}
        said = {name for line in README.read_text().splitlines() for name in documented(line, shown)}
        tried = {row.metric for row in TABLE}
        assert said, "README has no table of metrics"
        assert shown == said, f"only shown: {sorted(shown - said)}, only documented: {sorted(said - shown)}"
        assert said == tried, f"not tried: {sorted(said - tried)}, tried for nothing: {sorted(tried - said)}"

    def moved(self, row: Moves | Stands) -> None:
        family = families(self.after).get(row.metric)
        assert family, f"{row.metric} is not on /metrics"
        assert family.type == row.kind, f"it is a {family.type}, expected a {row.kind}"
        assert family.documentation, "it has no HELP"
        after = total(self.after, row.sample, row.labels)
        if isinstance(row, Moves):
            rise = after - total(self.before, row.sample, row.labels)
            assert rise >= row.least, f"it rose by {rise}, expected at least {row.least}"
            return
        there = [s for s in family.samples if s.name == row.sample and row.labels.items() <= s.labels.items()]
        assert there, f"no such sample among {[s.labels for s in family.samples]}"
        assert row.lowest <= after <= row.highest, f"it stands at {after}, expected {row.lowest} to {row.highest}"


def documented(line: str, shown: set[str]) -> list[str]:
    """The metrics that a line of README's table names, as Prometheus shows them: `a.b.c`, `.d` is a_b_c and a_b_d."""
    cells = line.split("|")
    names = re.findall(r"`((?:chaperone|mcp|http)?\.?[a-z_.]+)`", cells[1]) if len(cells) == 5 else []
    if not names or not names[0].startswith(("chaperone.", "mcp.", "http.")):
        return []
    whole = [name if not name.startswith(".") else names[0].rpartition(".")[0] + name for name in names]
    plain = [name.replace(".", "_") for name in whole]
    return [next((name + unit for unit in ("", "_seconds", "_total") if name + unit in shown), name) for name in plain]
