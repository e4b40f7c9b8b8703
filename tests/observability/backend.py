"""otelite, a real OTLP backend: started, stopped, killed and asked."""

import atexit
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from report import until

# Longest that it may take to start, in seconds: it makes its storage, and a disk that is written to by others is slow.
START = 120.0

# Below those that the kernel hands out by default (`ip_local_port_range`), so that what is free now is not given to the
# next connection or listener before its user is there; where they begin is chance, for another run may go on beside.
_MANY = 12_000
_PORTS = itertools.islice(itertools.cycle(range(20_000, 20_000 + _MANY)), random.randrange(_MANY), None)


def free_port() -> int:
    """A port of the loopback that nobody listens on; none is told twice."""
    last = None
    for port in itertools.islice(_PORTS, _MANY):
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError as error:
            last = error
    raise AssertionError(f"no port is free, last: {last}")


def listens(port: int) -> bool:
    """Somebody takes connections there; else an `OSError`."""
    socket.create_connection(("127.0.0.1", port), 1).close()
    return True


class Backend:
    """One otelite with ports and a storage of its own, which both outlive a kill."""

    def __init__(self, program: str, folder: Path):
        self.program = program
        self.storage = folder / "otelite"
        self.storage.mkdir(parents=True)
        self.log = folder / "otelite.log"
        self.grpc, self.http, self.web = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._looks = itertools.count()
        atexit.register(self.kill)

    def start(self) -> "Backend":
        ports = {"OTELITE_OTLP_GRPC_PORT": str(self.grpc), "OTELITE_OTLP_HTTP_PORT": str(self.http)}
        command = [self.program, "serve", "--addr", f"127.0.0.1:{self.web}", "--storage-path", str(self.storage)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env={**os.environ, **ports, "OTELITE_DATA_DIR": str(self.storage)}, stdout=log, stderr=log
            )
        until("otelite answers", lambda: self._runs() and self._get("/api/health") is not None, START)
        for port in (self.grpc, self.http):
            until(f"otelite listens on {port}", lambda port=port: self._runs() and listens(port))
        return self

    def _runs(self) -> bool:
        """That it does; else a `RuntimeError` with the last that it said."""
        assert self.process
        if (code := self.process.poll()) is not None:
            raise RuntimeError(f"otelite ended with {code}: {self.log.read_text()[-800:]}")
        return True

    def kill(self) -> None:
        """As a crash would: nothing is said and nothing is flushed."""
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def stand_still(self) -> None:
        """Connections are taken by the kernel and never answered."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def port(self, protocol: str) -> int:
        return self.grpc if protocol == "grpc" else self.http

    def trace(self, trace_id: str, least: int) -> list[dict[str, Any]]:
        """The spans of a trace, as soon as there are at least so many."""

        def look() -> list[dict[str, Any]] | None:
            detail = self._get(f"/api/traces/{trace_id}")
            spans = detail["spans"] if detail else []
            assert len(spans) >= least, f"{len(spans)} spans: {[span['name'] for span in spans]}"
            return spans

        return until(f"{least} spans of trace {trace_id} in the backend", look)

    def has_trace(self, trace_id: str) -> bool:
        return self._get(f"/api/traces/{trace_id}") is not None

    def metric_names(self) -> set[str]:
        # otelite keeps an answer of this path for ten minutes, an empty one too; with a query of its own it looks again.
        names = self._get(f"/api/metrics/names?look={next(self._looks)}")
        return set(names if isinstance(names, list) else names["names"])

    def stored(self) -> bytes:
        """Everything that it wrote to disk."""
        return b"\0".join(path.read_bytes() for path in sorted(self.storage.rglob("*")) if path.is_file())

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web}{path}", timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise AssertionError(f"otelite answered {error.code} to {path}: {error.read()[:300]!r}") from error
