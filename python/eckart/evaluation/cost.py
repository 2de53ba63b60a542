"""What a piece of work costs: seconds, and memory at its highest."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """Seconds, and bytes by which the process grew at its highest (None where the system does not tell)."""

    seconds: float
    n_bytes: int | None


def costed(work: Callable[[], Any]) -> tuple[Any, Cost]:
    """Return the answer of `work` and what it cost. Memory is known on Linux alone."""
    before = _fresh_peak()
    start = time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - start
    after = None if before is None else _status("VmHWM")
    return answer, Cost(seconds, None if before is None or after is None else max(0, after - before))


def _fresh_peak() -> int | None:
    """Let the peak start anew at what is held now, and return that."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    return _status("VmRSS")


def _status(name: str) -> int | None:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
