"""The backend stands still, is killed and comes back: calls do not notice, what is lost is counted, what comes after arrives."""

import time
from pathlib import Path

from agent import post
from backend import Backend
from exposition import total
from program import Chaperone, Sandbox
from report import Report, until
from traces import WORDS, fresh, parent

# Calls of each phase; more than the queue holds, so that something has to be dropped.
CALLS = 60
QUEUE = 16
# Longest that a call may take while the backend is gone, in seconds; the exporter's own time limit is longer.
QUICK = 1.5
EXPORT_TIMEOUT = "3000"


class Outage:
    """A chaperone that exports straight to a backend, which is then maltreated."""

    def __init__(self, report: Report, program: str, otelite: str, folder: Path, protocol: str):
        self.report, self.protocol = report, protocol
        folder.mkdir()
        self.backend = Backend(otelite, folder).start()
        self.sandbox = Sandbox(program, folder)
        endpoint = f"http://127.0.0.1:{self.backend.port(protocol)}"
        telemetry = f'  otlp: {{endpoint: "{endpoint}", protocol: {WORDS[protocol]}}}'
        small = {
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_BSP_MAX_QUEUE_SIZE": str(QUEUE),
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": str(QUEUE // 2),
            "OTEL_EXPORTER_OTLP_TIMEOUT": EXPORT_TIMEOUT,
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }
        self.chaperone = Chaperone(program, folder / "serve", self.sandbox.url, telemetry, small)

    def close(self) -> None:
        self.chaperone.process.kill()
        self.sandbox.process.kill()
        self.backend.kill()

    def run(self) -> None:
        step, protocol = self.report.step, self.protocol
        with step(f"{protocol}: the backend is there"):
            self.arrives()
        with step(f"{protocol}: a backend that stands still holds up no call, and what is lost is counted"):
            self.backend.stand_still()
            try:
                self.is_not_noticed()
            finally:
                self.backend.go_on()
        with step(f"{protocol}: once it goes on, spans arrive again by themselves"):
            self.arrives()
        with step(f"{protocol}: a backend that was killed holds up no call, and what is lost is counted"):
            self.backend.kill()
            self.is_not_noticed()
        with step(f"{protocol}: once it is back, spans arrive again by themselves"):
            self.backend.start()
            self.arrives()
        with step(f"{protocol}: memory stays bounded"):
            self.stays_small()
        with step(f"{protocol}: with the backend gone, the end takes no longer than the drain"):
            self.backend.kill()
            self.call()
            begun = time.monotonic()
            assert self.chaperone.process.end() == 0
            took = time.monotonic() - begun
            assert took < 25, f"{took:.1f} s"

    def call(self) -> str:
        """One call of a trace of its own, which must succeed at once."""
        position = fresh()
        begun = time.monotonic()
        answer = post(self.chaperone.lookup, "list_all_affinity_whoami", {}, None, parent(position))
        took = time.monotonic() - begun
        assert not answer["result"].get("isError"), answer
        assert took < QUICK, f"a call took {took:.2f} s"
        return position[0]

    def arrives(self) -> None:
        """A new call is seen in the backend; calls made while the exporter still waits may be lost."""

        def look() -> bool:
            trace_id = self.call()
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                if self.backend.has_trace(trace_id):
                    return True
                time.sleep(0.1)
            raise AssertionError(f"trace {trace_id} is not in the backend")

        until("a new trace in the backend", look, patience=60)

    def is_not_noticed(self) -> None:
        before = self.dropped()
        for _ in range(CALLS):
            self.call()

        def counted() -> bool:
            # Every call of the phase is one server span at least; the queue and a batch may still hold some.
            lost = self.dropped() - before
            assert lost >= CALLS - 2 * QUEUE, f"{lost} counted as dropped of {CALLS} calls"
            return True

        until("dropped spans are counted", counted)

    def dropped(self) -> float:
        return total(self.chaperone.scrape(), "chaperone_spans_total", {"chaperone_result": "dropped"})

    def stays_small(self) -> None:
        status = Path(f"/proc/{self.chaperone.process.child.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert resident < 256 * 1024, f"{resident} KiB resident"
