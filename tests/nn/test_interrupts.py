"""Ctrl-C between steps."""

import os
import signal
import threading

import pytest

from eckart.nn.interrupts import DeferredInterrupt


def test_first_waits_second_does_not():
    """A step is finished; a user who insists is obeyed; afterwards Ctrl-C is what it was."""
    before = signal.getsignal(signal.SIGINT)
    with DeferredInterrupt() as interrupt:
        interrupt.check()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread():
    """Signals belong to the main thread: training elsewhere must work, without them."""
    done = []

    def train():
        with DeferredInterrupt() as interrupt:
            interrupt.check()
            done.append(True)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert done == [True]
