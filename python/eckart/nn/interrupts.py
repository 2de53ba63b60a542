"""Ctrl-C between two steps of a training, never within one."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class DeferredInterrupt:
    """``with DeferredInterrupt() as interrupt:`` a first Ctrl-C waits for `check()`, a second does not.

    In other threads than the main one signals do not arrive, and nothing is changed.
    """

    def __init__(self) -> None:
        self.waiting = False
        self._before: Any = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.waiting:
            raise KeyboardInterrupt
        self.waiting = True

    def check(self) -> None:
        """KeyboardInterrupt if there was one."""
        if self.waiting:
            raise KeyboardInterrupt

    def __enter__(self) -> "DeferredInterrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
