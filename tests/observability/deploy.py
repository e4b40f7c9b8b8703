"""What `deploy/observability` ships asks only for metrics that exist, and is valid for Prometheus's own tool."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from exposition import label_names, sample_names
from report import Report

SHIPPED = Path(__file__).parents[2] / "deploy" / "observability"
DASHBOARD = SHIPPED / "grafana-dashboard.json"
ALERTS = SHIPPED / "prometheus-alerts.yaml"
COLLECTOR = SHIPPED / "otel-collector.yaml"
# In an expression of PromQL: selectors and the lists of grouping, which hold labels; what is left are metrics.
CLAUSE = re.compile(r"\{([^}]*)\}|\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
LABEL = re.compile(r"[a-z_]+")
QUOTED = re.compile(r'"[^"]*"')
METRIC = re.compile(r"\b(?:chaperone|mcp|http)_[a-z_]+")
# Labels that Prometheus adds, and one of histograms.
OF_PROMETHEUS = {"instance", "job", "le"}


def deploy(report: Report, exposition: str, promtool: str | None) -> None:
    """Every file that is shipped, held against what `/metrics` said after the scripted run."""
    dashboard: dict[str, Any] = {}
    alerts: dict[str, Any] = {}
    with report.step("dashboard: it is JSON, and its panels ask for something"):
        dashboard = json.loads(DASHBOARD.read_text())
        assert all(panel["title"] and panel["targets"] for panel in panels(dashboard)), "a panel is empty"
        ids = [panel["id"] for panel in panels(dashboard)]
        assert len(ids) == len(set(ids)) >= 8, ids
    with report.step("dashboard: every metric and label that it asks for exists"):
        asked = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
        asked += [note["expr"] for note in dashboard["annotations"]["list"]]
        # `label_values(metric, label)` asks for both.
        variables = [one["definition"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
        asked += [re.sub(r"label_values\((\w+), (\w+)\)", r"sum by (\2) (\1)", one) for one in variables]
        exist(exposition, asked)
    with report.step("alerts: they are YAML, and each has an expression, a severity and words"):
        alerts = yaml.safe_load(ALERTS.read_text())
        for rule in rules(alerts):
            assert rule["expr"] and rule["labels"]["severity"], rule
            assert rule["annotations"]["summary"] and rule["annotations"]["description"], rule
    with report.step("alerts: every metric and label that they ask for exists"):
        exist(exposition, [rule["expr"] for rule in rules(alerts)])
    with report.step("collector: what goes in comes out"):
        connects(yaml.safe_load(COLLECTOR.read_text()))
    if promtool is None:
        print("promtool is not there: `promtool check` is left out", flush=True)
        return
    with report.step("alerts: promtool takes them"):
        check([promtool, "check", "rules", str(ALERTS)])
    with report.step("alerts: promtool sees them fire when they should"):
        check([promtool, "test", "rules", str(Path(__file__).parent / "alerts.yaml")])
    with report.step("dashboard: promtool takes its expressions"):
        check_expressions(promtool, dashboard)
    with report.step("metrics: promtool takes the exposition"):
        check([promtool, "check", "metrics"], exposition)


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels that show something; rows only group them."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def rules(alerts: dict[str, Any]) -> list[dict[str, Any]]:
    found = [rule for group in alerts["groups"] for rule in group["rules"]]
    assert found, "there are no rules"
    return found


def exist(exposition: str, expressions: list[str]) -> None:
    """Every metric and every label that is asked for was there after the scripted run."""
    names, labels = sample_names(exposition), {*label_names(exposition), *OF_PROMETHEUS}
    asked, asked_labels = set(), set()
    for expression in expressions:
        clauses = [part for pair in CLAUSE.findall(expression) for part in pair]
        asked_labels |= {label for part in clauses for label in LABEL.findall(QUOTED.sub("", part))}
        asked |= set(METRIC.findall(CLAUSE.sub("", expression)))
    assert asked and asked_labels, "nothing of ours is asked for"
    assert asked <= names, f"not on /metrics: {sorted(asked - names)}"
    assert asked_labels <= labels, f"no such labels on /metrics: {sorted(asked_labels - labels)}"


def connects(collector: dict[str, Any]) -> None:
    """Every part of a pipeline is defined, and every part that is defined is in a pipeline."""
    for kind in ("receivers", "processors", "exporters"):
        used = {part for pipeline in collector["service"]["pipelines"].values() for part in pipeline.get(kind, [])}
        assert used == set(collector[kind]), f"{kind}: used {sorted(used)}, defined {sorted(collector[kind])}"
    assert {"traces", "metrics"} <= set(collector["service"]["pipelines"])


def check(command: list[str], text: str = "") -> None:
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout} {done.stderr}"


def check_expressions(promtool: str, dashboard: dict[str, Any]) -> None:
    """As recording rules: promtool has no other way to be asked about an expression alone."""
    expressions = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
    for variable, value in (("$__rate_interval", "1m"), ("$server", ".*"), ("$account", ".*")):
        expressions = [expression.replace(variable, value) for expression in expressions]
    recorded = [{"record": f"checked:{number}", "expr": text} for number, text in enumerate(expressions)]
    text = yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]})
    check([promtool, "check", "rules", "/dev/stdin"], text)
