"""Ctrl-C in the middle of long calls: a signal after a seeded delay, and how long the answer took."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any


def seconds_to_answer(call: Callable[[], Any], delay: float) -> float | None:
    """Return the seconds from SIGINT, sent `delay` seconds into `call`, to KeyboardInterrupt.

    None where the call ended before it was interrupted.
    """
    sent: list[float] = []

    def send() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(delay, send)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        call()
        timer.cancel()
        timer.join()  # a signal that came just too late is answered here
    except KeyboardInterrupt:
        return time.perf_counter() - sent[0]
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    return None
