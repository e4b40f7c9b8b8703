"""Load on `chaperone serve`: an upstream with a latency, seven calm agents, and one in a tight loop.

Two runs of the same length, without the loop and with it. It must hold that the calm agents' 99th percentile with it is
at most twice that without it, that the upstream never had more requests of the account at once than it may have, and
that every answer was a good one.

With `--shared` there are two processes that share their limits through a Redis, and half of the connections at each. The
loop goes on through its refusals. It must hold as well that no limit is exceeded by more than one request at any time,
and that none is left unused. Concurrency is each process's own.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import random
import shutil
import socket
import sys
import tempfile
import time

# Seconds that the upstream takes for an answer. All alike, they would keep the slots in step, free at one time.
LATENCY = (0.05, 0.15)
CALM = 7  # agents that call a few times a second, each on one connection
PAUSE = (0.1, 0.3)  # seconds between two calls of a calm agent
LOOPING = 64  # connections of the agent in a tight loop: four times what the account may have at once
LOOPING_SHARED = 16  # where limits refuse most of its calls, fewer make as much noise
WARM_UP = 1.0  # seconds before anything counts

# Requests a second, which is the burst as well: of the loop less than it asks for, of the account more than all get.
LIMITS = {"loop": 80, "loop writes": 20, "account": 150}

ANSWER = b'{"persons":[{"id":1,"first_name":"Jane","last_name":"Doe"}],"next_page_token":null}'


class Upstream:
    """Answers after a while and remembers the most requests that it had at once, and when which came."""

    def __init__(self):
        self.now = self.most = 0
        self.came = []

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.came.append((time.monotonic(), "writes" if head.startswith(b"DELETE") else "reads", b"=loop" in head))
                self.now += 1
                self.most = max(self.most, self.now)
                try:
                    await asyncio.sleep(random.uniform(*LATENCY))
                finally:
                    self.now -= 1
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(ANSWER)}\r\n\r\n"
                writer.write(head.encode() + ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Agent:
    """Calls one tool of one MCP server, on one connection."""

    def __init__(self, port, name, writes=False):
        params = {"name": "list_all_affinity_persons", "arguments": {"query": name}}
        if writes:
            params = {"name": "delete_a_affinity_note_by_id", "arguments": {"id": 1}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        self.port, self.seconds, self.errors, self.refused = port, [], [], 0
        self.request = (
            f"POST /mcp/{name} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}"
        ).encode()

    async def run(self, counts_from, until, pause):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while time.monotonic() < until:
            begun = time.monotonic()
            writer.write(self.request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            body = await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
            if pause is None and b'"error":"rate_limited"' in body:
                self.refused += 1
            elif " 200 " not in head.split("\r\n")[0] or b'"isError":false' not in body:
                self.errors.append(body[:300])
            elif begun >= counts_from:
                self.seconds.append(time.monotonic() - begun)
            if pause:
                await asyncio.sleep(random.uniform(*pause))
        writer.close()


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


async def measure(ports, seconds, looping):
    counts_from = time.monotonic() + WARM_UP
    until = counts_from + seconds
    calm = [Agent(ports[n % len(ports)], f"calm-{n}") for n in range(CALM)]
    connections = LOOPING if len(ports) == 1 else LOOPING_SHARED
    # Where limits are shared half of the loop writes, at either process.
    loop = [Agent(ports[n % len(ports)], "loop", len(ports) > 1 and n // 2 % 2 == 1) for n in range(connections)]
    loop = loop if looping else []
    await asyncio.gather(
        *(agent.run(counts_from, until, PAUSE) for agent in calm), *(agent.run(counts_from, until, None) for agent in loop)
    )
    times = [second for agent in calm for second in agent.seconds]
    errors = [error for agent in calm + loop for error in agent.errors]
    p50, p99 = quantile(times, 0.5) * 1000, quantile(times, 0.99) * 1000
    rate = sum(len(agent.seconds) for agent in loop) / seconds
    refused = sum(agent.refused for agent in loop) / (seconds + WARM_UP)
    name = "with the loop" if looping else "without it"
    print(
        f"{name:14} {len(times):6} calm calls, p50 {p50:6.1f} ms, p99 {p99:6.1f} ms; "
        f"{rate:6.1f} calls/s in the loop, {refused:6.1f}/s refused"
    )
    return p99, errors


def configure(folder, upstream, slots, redis):
    (folder / "policies").mkdir(parents=True)
    for name in [*(f"calm-{n}" for n in range(CALM)), "loop"]:
        limits = ""
        if redis and name == "loop":
            limits = f"config: {{limits: {{calls: {LIMITS['loop']}/s, writes: {LIMITS['loop writes']}/s}}}}\n"
        (folder / "policies" / f"{name}.yaml").write_text(f"name: {name}\naccount: load\ntoken: none\n{limits}")
    (folder / "key").write_text("k")
    limits = f", limits: {{calls: {LIMITS['account']}/s}}" if redis else ""
    # Nothing is measured of a store that a busy machine lets wait for longer than the default allows.
    shared = f"shared: {{url: 'redis://127.0.0.1:{redis}', replicas: 2, timeout: 2s}}\n" if redis else ""
    (folder / "chaperone.yaml").write_text(
        f"listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\ntelemetry: {{log: {{level: 'warn,chaperone::policy=info'}}}}\n"
        f"upstream: {{max_concurrent: {slots}}}\n{shared}"
        f"accounts: [{{id: load, base_url: 'http://127.0.0.1:{upstream}', credentials: {{api_key: {{file: key}}}}{limits}}}]\n"
    )


async def end(process):
    if process.returncode is None:
        process.terminate()
    await process.wait()


async def start_redis():
    """A Redis (or Valkey) in memory: the process, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if not program:
        sys.exit("redis-server is missing: apt-get install redis-server")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", stdout=quiet, stderr=quiet
    )
    return process, port


async def start_chaperone(program, folder, redis):
    """`chaperone serve`, that shares its limits if it is to: the process, and its port."""
    with open(folder / "stderr", "wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, "serve", "--config", folder / "chaperone.yaml", stdout=asyncio.subprocess.PIPE, stderr=log
        )
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    async with asyncio.timeout(30):
        while redis and "limits are shared" not in (folder / "stderr").read_text():
            await asyncio.sleep(0.05)
    return process, int(line.decode().rsplit(":", 1)[1])


def exceeded(times, rate, since):
    """By how many requests a bucket that was full at `since` was exceeded at most; below 0 it never was empty.

    The times are of arrival at the upstream: the first request was let in a connection's making before, so it is not
    the first arrival that counts.
    """
    return max(n + 1 - rate - (at - since) * rate for n, at in enumerate(times))


def hold_limits(upstreams, seconds, since):
    """What became of each limit over both processes."""
    came = sorted(one for upstream in upstreams for one in upstream.came if one[0] >= since)
    # Only the loop writes.
    kinds = {
        "loop": [at for at, kind, looped in came if looped or kind == "writes"],
        "loop writes": [at for at, kind, _ in came if kind == "writes"],
        "account": [at for at, _, _ in came],
    }
    for name, times in kinds.items():
        rate, most = LIMITS[name], exceeded(times, LIMITS[name], since)
        print(f"limit          {name}: {len(times)} requests, {rate} at once and {rate}/s")
        yield f"{name}: {most:+.2f} requests beyond the limit, expected at most +1", most <= 1
        if name != "account":
            share = len(times) / (rate * (seconds + WARM_UP + 1))
            yield f"{name} used to {share:.0%}, expected at least 95 %", share >= 0.95


async def main(arguments):
    upstreams = [Upstream() for _ in range(2 if arguments.shared else 1)]
    async with contextlib.AsyncExitStack() as stack:
        root = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis, processes = None, []
        if arguments.shared:
            process, redis = await start_redis()
            stack.push_async_callback(end, process)
        for n, upstream in enumerate(upstreams):
            server = await stack.enter_async_context(await asyncio.start_server(upstream.serve, "127.0.0.1", 0))
            configure(root / str(n), server.sockets[0].getsockname()[1], arguments.slots, redis)
            processes.append(await start_chaperone(arguments.program, root / str(n), redis))
            stack.push_async_callback(end, processes[-1][0])
        ports = [port for _, port in processes]
        alone, errors = await measure(ports, arguments.seconds, False)
        # The account's bucket is full again.
        await asyncio.sleep(1)
        since = time.monotonic()
        beside, more = await measure(ports, arguments.seconds, True)
        for process, _ in processes:
            await end(process)
        lost = sum((root / str(n) / "stderr").read_text().count("out of reach") for n in range(len(processes)))
    errors += more
    checks = [(f"p99 beside the loop is {beside / alone:.2f} times that without it, expected at most 2", beside <= 2 * alone)]
    for upstream in upstreams:
        most, text = upstream.most, f"the account saw {upstream.most} requests at once of a process"
        print(f"upstream       {len(upstream.came):6} requests, at most {most} at once of {arguments.slots}")
        # Limits may keep the loop from what it could have at once.
        bound = f"expected {'at most ' if arguments.shared else ''}{arguments.slots}"
        checks.append((f"{text}, {bound}", most == arguments.slots or arguments.shared and most < arguments.slots))
    if arguments.shared:
        checks += hold_limits(upstreams, arguments.seconds, since)
        checks.append((f"Redis was out of reach {lost} times, expected never", lost == 0))
    checks.append((f"{len(errors)} calls failed, expected none {errors[:1] or ''}", not errors))
    for text, holds in checks:
        print("ok    " if holds else "FAILED", text)
    failed = sum(not holds for _, holds in checks)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("seconds", type=float, nargs="?", default=60)
parser.add_argument("--slots", type=int, default=16, help="upstream.max_concurrent")
parser.add_argument("--shared", action="store_true", help="two processes over a Redis")
sys.exit(asyncio.run(main(parser.parse_args())))
