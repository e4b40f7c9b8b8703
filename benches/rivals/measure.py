"""The rivals, the floor and chaperone under the same load in one run: measure.py ROAD FLOOR CHAPERONE [options].

Load, upstream and collector are those of the road bench (`road --play ROLE`); this only takes turns and counts.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
READY = "listening on http://"
# Where load, upstream and collector run, and where what is measured runs.
LOAD_CORE, CONTENDER_CORE = "1", "0"
# A sample is as long as it takes for so many calls, up to so many seconds: FastMCP has some hundred calls a second.
CALLS, LONGEST = 200, 6.0
# Above this share of its core taken by others a contender was not measured alone.
TOLERATED_STARVATION = 0.02
CLOSED = (16, 64)
PACED = 64

# What each makes of the call, for the table.
MAKES = {
    "floor": "forwards the message; the upstream answers the list",
    "nginx": "forwards the message; the upstream answers the list",
    "Envoy bridge": "`GET /persons?query=…`, a text block; arguments unchecked, the caller's headers go on",
    "rmcp-openapi": "`GET /persons?query=…`, a text block and `structuredContent` that wrap status and body, as an event"
    " stream",
    "FastMCP": "`GET /persons?query=…`, a text block and `structuredContent`; the caller's `mcp-*` headers go on",
    "chaperone": "`GET /persons?term=…&page_size=100` with its own key, policy, checked arguments, a text block and"
    " `structuredContent`, rate-limit headers; no log line",
    "chaperone, traced": "the same, every call traced to a live collector",
}
# Throughput over 64 connections that is to be reached, tracing on.
TARGETS = {"Envoy bridge": 2.5, "FastMCP": 80.0}


class Server:
    """A process that says when it listens; it and what it started end with `end`."""

    def __init__(self, core, command, environment=None):
        self.process = subprocess.Popen(
            ["taskset", "-c", core, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        # What it says before it listens: a key and a value a line.
        self.said = {}
        for line in self.process.stdout:
            key, _, value = line.strip().partition(" ")
            self.said[key] = value
            if line.startswith(READY):
                self.address, _, path = line.removeprefix(READY).strip().partition("/")
                self.path = f"/{path}"
                return
        raise SystemExit(f"{command[0]} ended before it listened")

    def pids(self):
        """All processes of its session: a script has children."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = stat.read_text().rpartition(")")[2].split()[3]
            except OSError:
                continue
            if int(session) == self.process.pid:
                found.append(int(stat.parent.name))
        return found

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            self.process.kill()


def exchange(path, holds):
    """The call, as the road bench writes it."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "road", "version": "1.0.0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    tool = "list_all_affinity_persons"
    params = {"_meta": meta, "name": tool, "arguments": {"query": "road-############"}}
    message = {"jsonrpc": "2.0", "id": "NUMBER", "method": "tools/call", "params": params}
    return {
        "path": path,
        "headers": [
            ["accept", "application/json, text/event-stream"],
            ["mcp-protocol-version", "2026-07-28"],
            ["mcp-method", "tools/call"],
            ["mcp-name", tool],
        ],
        "body": json.dumps(message, separators=(",", ":")).replace('"NUMBER"', "############"),
        "holds": holds,
        "echoes": True,
        "servers": 1,
        "tools": 1,
    }


class Contender:
    """Who is measured."""

    def __init__(self, name, server, path, holds):
        self.name, self.server = name, server
        self.exchange = exchange(path, holds)
        self.pids = server.pids()
        self.samples = {}
        # Unknown yet: the first sample has to be long enough for everyone.
        self.carried = CALLS / LONGEST


class Run:
    """One run of the whole."""

    def __init__(self, options):
        self.options, self.servers, self.next, self.repeated = options, [], 100_000_000_000, 0
        self.folder = Path(tempfile.mkdtemp())
        role = json.dumps({"stage": {"payloads": ["people"]}})
        self.stage = self.start(LOAD_CORE, [options.road, "--bench", "--play", role])
        self.upstream, self.collector = self.stage.said["upstream"], self.stage.said["collector"]

    def start(self, core, command, environment=None):
        server = Server(core, command, environment)
        self.servers.append(server)
        return server

    def contenders(self):
        floor = self.start(CONTENDER_CORE, [self.options.floor, "forward", self.upstream])
        found = [Contender("floor", floor, "/mcp/road", '"persons":[')]
        upstream = {"ROAD_UPSTREAM": self.upstream}
        for name, script in (
            ("nginx", "nginx"),
            ("Envoy bridge", "envoy"),
            ("rmcp-openapi", "rmcp-openapi"),
            ("FastMCP", "fastmcp"),
        ):
            if script in self.options.without:
                continue
            server = self.start(CONTENDER_CORE, [HERE / "start" / script], upstream)
            found.append(Contender(name, server, server.path, server.said["holds"]))
        otlp = f", otlp: {{endpoint: 'http://{self.collector}'}}, traces: {{sample: 1.0}}"
        for name, telemetry in (("chaperone", ""), ("chaperone, traced", otlp)):
            server = self.chaperone(name, telemetry)
            found.append(Contender(name, server, "/mcp/road", '"result":'))
        return found

    def chaperone(self, name, telemetry):
        folder = self.folder / name.replace(", ", "-")
        (folder / "policies").mkdir(parents=True)
        (folder / "policies" / "road.yaml").write_text("name: road\naccount: road\nconfig: {}\ntoken: none\n")
        (folder / "chaperone.yaml").write_text(
            "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\npolicies: ./policies\n"
            "accounts:\n  - {id: road, integration: affinity, credentials: {api_key: {env: ROAD_KEY}}, "
            f"base_url: 'http://{self.upstream}'}}\n"
            f"telemetry: {{log: {{level: warn}}{telemetry}}}\n"
        )
        command = [self.options.chaperone, "serve", "--config", folder / "chaperone.yaml"]
        return self.start(CONTENDER_CORE, command, {"ROAD_KEY": "road-key", "TOKIO_WORKER_THREADS": "1"})

    def sample(self, contender, connections, rate):
        """One sample: every answer is checked by the load, and a wrong one ends the run."""
        seconds = min(max(self.options.seconds, CALLS / (rate or contender.carried)), LONGEST)
        load = {
            "target": contender.server.address,
            "exchange": contender.exchange,
            "connections": connections,
            "rate": rate,
            "warm_up_ms": int(seconds * 200),
            "measured_ms": int(seconds * 1000),
            "first": self.next,
            "pids": contender.pids,
            "helpers": [],
        }
        self.next += 100_000_000
        host, _, port = self.stage.address.partition(":")
        with socket.create_connection((host, int(port))) as order, order.makefile("rw") as lines:
            lines.write(json.dumps(load) + "\n")
            lines.flush()
            kind, _, answer = lines.readline().partition(" ")
        if kind != "sample":
            raise SystemExit(f"the load on {contender.name} failed: {answer.strip()}")
        return json.loads(answer)

    def undisturbed(self, contender, connections, rate):
        """The first sample in which the contender had its core to itself, or of several the least disturbed."""
        best = self.sample(contender, connections, rate)
        for _ in range(self.options.attempts - 1):
            if best["starved"] <= TOLERATED_STARVATION:
                break
            self.repeated += 1
            again = self.sample(contender, connections, rate)
            best = min(best, again, key=lambda sample: sample["starved"])
        return best

    def measure(self):
        contenders = self.contenders()
        for contender in contenders:
            contender.carried = self.sample(contender, PACED, None)["throughput"]
        carried = {c.name: self.undisturbed(c, PACED, None)["throughput"] for c in contenders}
        slowest = min(carried.values())
        rates = [half(slowest)]
        # What is slower by an order of magnitude would make a rate at which the others do nothing but wake up.
        quick = [value for value in carried.values() if value > 10 * slowest]
        if quick and len(quick) < len(carried):
            rates.append(half(min(quick)))
        cases = [(connections, None) for connections in CLOSED] + [(PACED, rate) for rate in rates]
        for turn in range(self.options.rounds):
            for connections, rate in cases:
                for contender in contenders if turn % 2 == 0 else reversed(contenders):
                    if rate is not None and rate > carried[contender.name] * 0.9:
                        continue
                    sample = self.undisturbed(contender, connections, rate)
                    contender.samples.setdefault((connections, rate), []).append(sample)
        return contenders, rates

    def end(self):
        for server in reversed(self.servers):
            server.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def half(rate):
    step = 100 if rate > 2000 else 10
    return max(1, round(rate / 2 / step)) * step


def values(contender, case, key):
    return [sample[key] for sample in contender.samples.get(case, [])]


def figure(ratio):
    """Two digits that mean something: some ratios are hundreds, some thousandths."""
    if ratio < 0.1:
        return f"{ratio:.2g}"
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def spread(ratios):
    if not ratios:
        return "–"
    return f"**{figure(statistics.median(ratios))}** ({figure(min(ratios))} … {figure(max(ratios))})"


def ratios(contender, other, case, key="throughput"):
    return [a / b for a, b in zip(values(contender, case, key), values(other, case, key), strict=False)]


def number(found):
    value = statistics.median(found) if found else None
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def report(run, contenders, rates):
    starved = [s["starved"] for c in contenders for samples in c.samples.values() for s in samples]
    disturbed = sum(share > TOLERATED_STARVATION for share in starved)
    print(f"{run.options.rounds} rounds, {run.options.seconds} s a sample; medians of the rounds, ratios within a")
    print(f"round (min … max). In {disturbed} of {len(starved)} samples a contender was not alone on its core, at most")
    print(f"{max(starved):.0%} of the time; {run.repeated} more were taken again.\n")
    table(measured(contenders, rates))
    table(compared(contenders))
    table([["", "what it makes of the call"], *([c.name, MAKES[c.name]] for c in contenders)])


def measured(contenders, rates):
    """Everyone's numbers, and everyone over the floor."""
    floor = contenders[0]
    rows = [["", *(head for n in CLOSED for head in (f"calls/s, {n} connections", "of the floor")), "CPU µs a call"]]
    rows[0] += [f"median µs at {rate:,} calls/s" for rate in rates]
    for c in contenders:
        row = [c.name]
        for connections in CLOSED:
            case = (connections, None)
            row += [number(values(c, case, "throughput")), "1" if c is floor else spread(ratios(c, floor, case))]
        row.append(number(values(c, (PACED, None), "cpu_us")))
        rows.append(row + [number(values(c, (PACED, rate), "p50_us")) for rate in rates])
    return rows


def compared(contenders):
    """chaperone over every rival, and whether that is enough."""
    plain, traced = contenders[-2:]
    rows = [["chaperone over", "16 connections", "64", "64, traced", "to be, traced", "rival's CPU over ours, traced"]]
    for c in contenders[1:-2]:
        against, target = ratios(traced, c, (64, None)), TARGETS.get(c.name)
        held = ""
        if target is not None:
            held = f"≥ {target:g}, {'held' if statistics.median(against) >= target else '**not held**'}"
        throughput = [ratios(plain, c, (16, None)), ratios(plain, c, (64, None)), against]
        rows.append([c.name, *map(spread, throughput), held, spread(ratios(c, traced, (64, None), "cpu_us"))])
    return rows


def table(rows):
    """Prints rows as Markdown; what is not text stands to the right."""
    right = [" ---:" if n and any(ch.isdigit() for ch in cell) else " ---" for n, cell in enumerate(rows[1])]
    print("| " + " | ".join(rows[0]) + " |\n|" + " |".join(right) + " |")
    for row in rows[1:]:
        print("| " + " | ".join(row) + " |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for program in ("road", "floor", "chaperone"):
        parser.add_argument(program)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--attempts", type=int, default=3, help="samples taken until one is undisturbed")
    parser.add_argument("--without", action="append", default=[], metavar="RIVAL", help="leave a rival out")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = Run(options)
    try:
        started = time.monotonic()
        contenders, rates = run.measure()
        report(run, contenders, rates)
        print(f"The run took {time.monotonic() - started:.0f} s.")
    finally:
        run.end()


if __name__ == "__main__":
    main()
