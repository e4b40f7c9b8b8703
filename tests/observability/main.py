"""`main.py CHAPERONE OTELITE SCRATCH [PROMTOOL]`: every scenario, over both protocols where there are two."""

import signal
import sys
from pathlib import Path

from agent import begin_tracing
from deploy import deploy
from metrics import Metrics
from outage import Outage
from report import Report
from traces import Capture, Conversation, Sampling


def main() -> int:
    program, otelite, scratch, *promtool = sys.argv[1:]
    folder, report = Path(scratch), Report()
    # So that a time limit ends the children too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begin_tracing()
    for protocol in ("grpc", "http"):
        run(Conversation, report, program, otelite, folder / f"traces-{protocol}", protocol)
    run(Sampling, report, program, otelite, folder / "sampling", "http")
    run(Capture, report, program, otelite, folder / "capture", "grpc")
    for protocol in ("grpc", "http"):
        run(Outage, report, program, otelite, folder / f"outage-{protocol}", protocol)
    exposition = run(Metrics, report, program, otelite, folder / "metrics")
    deploy(report, exposition or "", promtool[0] if promtool else None)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


def run(scenario, report: Report, *arguments):
    """A scenario from its beginning to its end, whatever becomes of it."""
    made = None
    with report.step(f"{scenario.__name__.lower()} {' '.join(str(a) for a in arguments[3:])}".strip() + ": starts"):
        made = scenario(report, *arguments)
    if made is None:
        return None
    try:
        return made.run()
    finally:
        made.close()


sys.exit(main())
