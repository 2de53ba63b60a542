"""What every table of benchmarks says: the machine, the versions, and rows in Markdown."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path


def machine() -> str:
    """Return the processor's model, the cores that this process may use, and the system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    """Return the model as lscpu gives it, and the family numbers that tell apart nameless virtual ones."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    first = {}
    for line in lines:
        name, _, value = line.partition(":")
        first.setdefault(name.strip(), value.strip())
    numbers = "/".join(first.get(name, "?") for name in ("cpu family", "model", "stepping"))
    return f"{first.get('model name', 'unknown processor')} (family/model/stepping {numbers})"


def markdown(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    table = [list(header)]
    table.append(["---"] * len(table[0]))
    table += [[str(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in table)
