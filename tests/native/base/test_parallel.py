"""The parallel loop: exceptions come out, an interrupt gets in, a forked child lives."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from eckart._native import base

FORK = """
import os
import numpy as np
import eckart
from eckart._native import base

def fill(threads):
    out = np.empty((512, 64))
    base.fill_normal(out, 0, 0, 1.0, threads)
    return out

eckart.set_num_threads(2)
parents = fill(2)  # libgomp's pool lives from here on
child = os.fork()
if child == 0:
    threads = eckart.get_num_threads()
    os._exit(0 if threads == 1 and fill(threads).tobytes() == parents.tobytes() else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert eckart.get_num_threads() == 2
"""


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("bad", [0, 6, 12])
def test_an_exception_leaves_the_region(threads, bad):
    """An exception that escaped an OpenMP region would end the process, and one swallowed would lie."""
    with pytest.raises(RuntimeError, match=f"chunk {bad} failed"):
        base.parallel_probe(13, bad, 0.0, threads)
    base.parallel_probe(13, -1, 0.0, threads)  # and the next loop runs as if nothing had been


@pytest.mark.parametrize("n_chunks", [0, 1])
def test_few_chunks(n_chunks):
    """No work and less work than threads are ordinary."""
    base.parallel_probe(n_chunks, -1, 0.0, 3)


def test_threads_below_one_are_refused():
    """The kernel's contract is at least one thread."""
    with pytest.raises(ValueError, match="threads: expected at least 1, got 0"):
        base.parallel_probe(1, -1, 0.0, 0)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_stops_a_kernel(threads):
    """Ctrl-C in the middle of a long fit is answered at once, not after the sweep."""
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.2, interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            base.parallel_probe(3000 * threads, -1, 1.0, threads)  # 3 seconds
        assert time.perf_counter() - sent[0] < 0.5
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_a_kernel_lets_other_threads_run():
    """The GIL is released: a progress bar, a web server or a second model goes on meanwhile."""
    seen = []
    worker = threading.Thread(target=base.parallel_probe, args=(50, -1, 10.0, 1))
    worker.start()
    while worker.is_alive():
        seen.append(time.perf_counter())
        time.sleep(0.005)
    worker.join()
    assert len(seen) > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_computes():
    """A child forked after a parallel kernel would hang in its first region; it must run on one thread."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK], timeout=60, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
