"""Damaged files by the thousand, opened in child processes under a watchdog and a memory limit.

File `i` of a seed is always the same file: ``damaged(subjects, seed, i)``. A child opens a run of files
and prints a line for each; where it dies, the parent notes the file and starts another after it.
"""

import contextlib
import faulthandler
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tests.strength.subjects import Subject, subjects

from eckart.base.errors import EckartError

ROOT = Path(__file__).parents[2]
SECONDS = 10  # for a file of some kilobytes, on a busy machine
MEMORY = 1 << 30  # address space beyond what the libraries have taken when the first file is opened
BATCH = 500
MARK = "opened file "


@dataclass
class Report:
    """What became of the files: how many loaded or were refused by which error, and every failure."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def damaged(whole: list[Subject], seed: int, number: int) -> tuple[Subject, bytes]:
    """Return subject and contents of file `number`."""
    subject = whole[number % len(whole)]
    random = np.random.default_rng([seed, number])
    way = subject.ways[int(random.integers(len(subject.ways)))]
    return subject, way(subject.data, random)


def run(n_files: int, seed: int) -> Report:
    """Open files 0 ... n_files - 1 of `seed`."""
    report, at = Report(), 0
    while at < n_files:
        stop = min(n_files, at + BATCH)
        command = [
            sys.executable,
            "-W",
            "error",
            "-m",
            "tests.strength.fuzzing",
            str(seed),
            str(at),
            str(stop),
        ]
        child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        for line in child.stdout.splitlines():
            if not line.startswith(MARK):  # an editable install may print that it builds
                continue
            number, outcome, *problem = line.removeprefix(MARK).split("\t", 2)
            report.outcomes[outcome] += 1
            if problem:
                report.failures.append(f"file {number} of seed {seed}: {outcome}: {problem[0]}")
            at = int(number) + 1
        if at < stop:  # it died on the file whose line is missing
            report.failures.append(
                f"file {at} of seed {seed}: the process ended with {child.returncode}: {child.stderr[-3000:]}"
            )
            at += 1
    return report


def _open_all(seed: int, start: int, stop: int) -> None:
    """The child: a line for each file on stdout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = subjects(folder)
        for number, subject in enumerate(whole):  # and the whole ones must load
            path = folder / f"whole{number}{subject.suffix}"
            path.write_bytes(subject.data)
            subject.use(path)
        _limit_memory()
        for number in range(start, stop):
            subject, data = damaged(whole, seed, number)
            path = folder / f"file{number}{subject.suffix}"
            path.write_bytes(data)
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            outcome = _outcome(subject, path)
            faulthandler.cancel_dump_traceback_later()
            print(f"{MARK}{number}\t{outcome}", flush=True)
            path.unlink()


def _outcome(subject: Subject, path: Path) -> str:
    try:
        subject.use(path)
    except EckartError as error:
        return "EckartError" + _unclear(str(error), path)
    except BaseException as error:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        line = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
        return f"{type(error).__name__}\t{line}: {' '.join(str(error).split())[:300]}"
    return f"loaded {subject.suffix}"


def _unclear(message: str, path: Path) -> str:
    """Return what is wrong with a message, or nothing."""
    if path.name not in message:
        return f"\tit does not name the file: {message!r}"
    clear = len(message) - len(str(path)) <= 600 and message.isprintable()
    return "" if clear else f"\tno printable line of bearable length: {message[:1000]!r}"


def _limit_memory() -> None:
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    _open_all(*map(int, sys.argv[1:]))
