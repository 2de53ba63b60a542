"""How many threads the kernels use. Results never depend on it.

The number is OpenMP's own maximum (so ``OMP_NUM_THREADS`` and threadpoolctl work), bounded by the
processor quota of the container, unless :func:`set_num_threads` says otherwise.
"""

import functools
import math
import numbers
import os
from pathlib import Path

from eckart import _native

_max_threads = _native.base.max_threads
_chosen: int | None = None
_forked = False


def set_num_threads(n: int | None) -> None:
    """Use `n` threads in every kernel from now on; None returns to the default.

    Raises ValueError for n < 1, and RuntimeError for n > 1 in a forked child: OpenMP's thread pool
    does not survive a fork, and a parallel region there would hang. Start workers with the
    ``spawn`` or ``forkserver`` method instead.
    """
    global _chosen
    if n is None:
        _chosen = None
        return
    if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n < 1:
        raise ValueError(f"n: expected a positive integer or None, got {n!r}")
    if _forked and n > 1:
        raise RuntimeError(
            "a forked child of a process that may have used OpenMP runs on one thread; "
            "start workers with the 'spawn' or 'forkserver' method to use more"
        )
    _chosen = int(n)


def get_num_threads() -> int:
    """Return the number of threads that the next kernel will use."""
    if _forked:
        return 1
    if _chosen is not None:
        return _chosen
    n, quota = _max_threads(), _cpu_quota()
    return n if 1 <= n <= quota else max(1, min(n, quota))  # small networks ask for it with each kernel


@functools.cache
def _cpu_quota() -> int:
    """Return the container's processor quota (cgroup v2, then v1), rounded up; huge where there is none."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass
    try:
        quota_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text())
        period_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text())
        if quota_us > 0:
            return max(1, math.ceil(quota_us / period_us))
    except (OSError, ValueError):
        pass
    return 2**30


def _after_fork_in_child() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
