"""Libraries in processes of their own, driven one command at a time, so that runs can be interleaved.

The parent starts a `Child` and calls it; the child hands its functions to `serve`. One JSON object a
line goes each way over pipes that nothing else writes to: what a library prints lands in a log file.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

SLOW_BLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # set on some machines, and slow there


class ChildError(Exception):
    """A library that is missing, failed, crashed or took too long; the message is one line."""


class Child:
    """A process that answers commands. It is in a session of its own, so that helpers (a JVM) end with it.

    name : for messages; threads : of OpenMP; blas_threads : of OpenBLAS and MKL
    """

    def __init__(self, name: str, command: list[str], threads: int, blas_threads: int) -> None:
        self._name = name
        env = {name: value for name, value in os.environ.items() if name not in SLOW_BLAS}
        env |= {"OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
        env |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(blas_threads))
        self._log = tempfile.TemporaryFile("w+b")  # noqa: SIM115 (closed in close)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._log}
        self._process = subprocess.Popen(command, env=env, start_new_session=True, **pipes)
        self._buffer = b""

    def start(self, timeout: float) -> Any:
        """Wait until the library is imported and has its data; return what it says about itself."""
        return self._receive(timeout)

    def call(self, name: str, timeout: float, **arguments: Any) -> Any:
        """Run one command and return its result. Raises ChildError; after that the child is of no use."""
        try:
            self._process.stdin.write(json.dumps({"name": name, "arguments": arguments}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildError(self._death()) from None
        return self._receive(timeout)

    def close(self) -> None:
        """End the process and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise ChildError(f"{self._name}: no answer within {timeout:g} s")
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    raise ChildError(self._death())
                self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            raise ChildError(f"{self._name}: {answer['error']}")
        return answer["result"]

    def _death(self) -> str:
        """Say how the process ended, with the last line that it wrote."""
        code = self._process.wait()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        self._log.seek(0)
        lines = [line for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        return f"{self._name}: the process ended with {how}" + (f": {lines[-1].strip()}" if lines else "")


def serve(open_library: Callable[[], tuple[Any, dict[str, Callable[..., Any]]]]) -> None:
    """Answer commands from stdin until it closes.

    open_library : returns what to say at the start, and the commands by name
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print must not run into the answers

    def attempt(function: Callable[..., Any], **arguments: Any) -> Any:
        try:
            result = function(**arguments)
        except BaseException as error:
            traceback.print_exc()
            first = (str(error).strip().splitlines() or [""])[0]
            answers.write(json.dumps({"error": f"{type(error).__name__}: {first}"}) + "\n")
            answers.flush()
            sys.exit(1)
        return result

    def reply(result: Any) -> None:
        answers.write(json.dumps({"result": result}) + "\n")
        answers.flush()

    about, commands = attempt(open_library)
    reply(about)
    for line in sys.stdin:
        request = json.loads(line)
        reply(attempt(commands[request["name"]], **request["arguments"]))
