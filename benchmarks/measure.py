"""What benchmarks measure beside time: the most memory that a piece of work took."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def resident() -> int:
    """Return the bytes of memory that this process holds now (Linux)."""
    return _status("VmRSS")


def growth(work: Callable[[], Any]) -> tuple[Any, float, int]:
    """Return (answer, seconds, bytes by which memory rose above what was held before, at its highest)."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew at what is held now
    before, start = resident(), time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - start
    return answer, seconds, _status("VmHWM") - before


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}")
