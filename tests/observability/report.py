"""One line a step on stdout: `ok STEP` or `not ok STEP: why`."""

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Longest that anything is waited for, in seconds; on a busy machine a batch may take its time.
PATIENCE = 30.0
# Between two looks, in seconds.
PAUSE = 0.05


class Report:
    """What held and what did not."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A rule and the code that proves it; a failure does not keep the others from being tried."""
        try:
            yield
        except Exception as error:  # every failure is a line of the report
            self.failed += 1
            why = " ".join(str(error).split()) or type(error).__name__
            print(f"not ok {name}: {why[:900]}", flush=True)
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stderr)
        else:
            self.passed += 1
            print(f"ok {name}", flush=True)


def until(what: str, look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first thing that `look` finds; looks that fail are tried again, and the last failure is told."""
    end = time.monotonic() + patience
    last: Any = None
    while True:
        try:
            found = look()
            if found is not None and found is not False:
                return found
        except (AssertionError, OSError) as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience:.0f} s" + (f", last: {last}" if last else ""))
        time.sleep(PAUSE)
