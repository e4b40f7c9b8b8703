"""Load on `chaperone serve`: an upstream with a latency, seven calm agents, and one in a tight loop.

Two runs of the same length, without the loop and with it. It must hold that the calm agents' 99th percentile with it is
at most twice that without it, that the upstream never had more requests of the account at once than it may have, and
that every answer was a good one.
"""

import asyncio
import json
import pathlib
import random
import sys
import tempfile
import time

CONCURRENCY = 16  # upstream.max_concurrent
# Seconds that the upstream takes for an answer. All alike, they would keep the slots in step, free at one time.
LATENCY = (0.05, 0.15)
CALM = 7  # agents that call a few times a second, each on one connection
PAUSE = (0.1, 0.3)  # seconds between two calls of a calm agent
LOOPING = 64  # connections of the agent in a tight loop: four times what the account may have at once
WARM_UP = 1.0  # seconds before anything counts

ANSWER = b'{"persons":[{"id":1,"first_name":"Jane","last_name":"Doe"}],"next_page_token":null}'


class Upstream:
    """Answers after a while and remembers the most requests that it had at once."""

    def __init__(self):
        self.now = self.most = self.requests = 0

    async def serve(self, reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.now += 1
                self.requests += 1
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
    """Calls one tool of one MCP server."""

    def __init__(self, port, name):
        params = {"name": "list_all_affinity_persons", "arguments": {"query": name}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        self.port, self.seconds, self.errors = port, [], []
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
            if " 200 " not in head.split("\r\n")[0] or b'"isError":false' not in body:
                self.errors.append(body[:300])
            elif begun >= counts_from:
                self.seconds.append(time.monotonic() - begun)
            if pause:
                await asyncio.sleep(random.uniform(*pause))
        writer.close()


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


async def measure(port, seconds, looping):
    counts_from = time.monotonic() + WARM_UP
    until = counts_from + seconds
    calm = [Agent(port, f"calm-{n}") for n in range(CALM)]
    loop = [Agent(port, "loop") for _ in range(LOOPING if looping else 0)]
    await asyncio.gather(
        *(agent.run(counts_from, until, PAUSE) for agent in calm), *(agent.run(counts_from, until, None) for agent in loop)
    )
    times = [second for agent in calm for second in agent.seconds]
    errors = [error for agent in calm + loop for error in agent.errors]
    p50, p99 = quantile(times, 0.5) * 1000, quantile(times, 0.99) * 1000
    rate = sum(len(agent.seconds) for agent in loop) / seconds
    name = "with the loop" if looping else "without it"
    print(f"{name:14} {len(times):6} calm calls, p50 {p50:6.1f} ms, p99 {p99:6.1f} ms; {rate:6.1f} calls/s in the loop")
    return p99, errors


def configure(folder, upstream):
    (folder / "policies").mkdir()
    for name in [*(f"calm-{n}" for n in range(CALM)), "loop"]:
        (folder / "policies" / f"{name}.yaml").write_text(f"name: {name}\naccount: load\ntoken: none\n")
    (folder / "key").write_text("k")
    (folder / "chaperone.yaml").write_text(
        "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\ntelemetry: {log: {level: warn}}\n"
        f"upstream: {{max_concurrent: {CONCURRENCY}}}\n"
        f"accounts: [{{id: load, base_url: 'http://127.0.0.1:{upstream}', credentials: {{api_key: {{file: key}}}}}}]\n"
    )


async def main(program, seconds):
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    with tempfile.TemporaryDirectory() as folder:
        configure(pathlib.Path(folder), server.sockets[0].getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            program, "serve", "--config", f"{folder}/chaperone.yaml", stdout=asyncio.subprocess.PIPE
        )
        try:
            line = await asyncio.wait_for(process.stdout.readline(), 30)
            port = int(line.decode().rsplit(":", 1)[1])
            alone, errors = await measure(port, seconds, False)
            beside, more = await measure(port, seconds, True)
        finally:
            process.terminate()
            await process.wait()
    errors += more
    print(f"upstream       {upstream.requests:6} requests, at most {upstream.most} at once of {CONCURRENCY}")
    checks = [
        (f"p99 beside the loop is {beside / alone:.2f} times that without it, expected at most 2", beside <= 2 * alone),
        (f"the account saw {upstream.most} requests at once, expected {CONCURRENCY}", upstream.most == CONCURRENCY),
        (f"{len(errors)} calls failed, expected none {errors[:1] or ''}", not errors),
    ]
    for text, holds in checks:
        print("ok    " if holds else "FAILED", text)
    failed = sum(not holds for _, holds in checks)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(asyncio.run(main(sys.argv[1], float(sys.argv[2]))))
