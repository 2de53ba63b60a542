"""kill -9 to a child that saves in a loop: what stands at the path afterwards?"""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import eckart as ek

ROOT = Path(__file__).parents[2]
SIZE = 200_000  # ratings: a save takes some ten milliseconds, so that kills land in the middle of one


@dataclass
class Report:
    """How many kills found which of the two files, how many left a partial one, and every failure."""

    kills: int = 0
    odd: int = 0
    even: int = 0
    leftovers: int = 0
    failures: tuple[str, ...] = ()


def versions() -> list[ek.data.Ratings]:
    """The two contents that the child saves in turn; each file must be wholly one of them."""
    random = np.random.default_rng(0)
    users, items = np.divmod(random.permutation(2 * SIZE)[:SIZE], 400)
    values = random.integers(1, 11, SIZE) / 2
    return [ek.data.Ratings.from_arrays(users, items, values + shift) for shift in (0, 100)]


def run(kills: int, seed: int, folder: Path) -> Report:
    """Kill `kills` children, one after another, each after a random moment of saving to one path."""
    random, report = np.random.default_rng(seed), Report()
    path = folder / "ratings.safetensors"
    hashes = [part.data_hash for part in versions()]
    for number in range(kills):
        before = set(folder.iterdir())
        _kill_one(path, random.uniform(0, 0.3))
        report.kills += 1
        report.leftovers += len(set(folder.iterdir()) - before - {path})
        try:
            found = ek.load(path).data_hash
        except ek.EckartError as error:
            report.failures += (f"kill {number} of seed {seed}: {error}",)
            continue
        report.even += found == hashes[0]
        report.odd += found == hashes[1]
        if found not in hashes:
            report.failures += (f"kill {number} of seed {seed}: the file is neither the old nor the new one",)
    return report


def _kill_one(path: Path, seconds: float) -> None:
    command = [sys.executable, "-m", "tests.strength.kills", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        while (line := child.stdout.readline()) and line != b"saved\n":  # the first file is there
            pass
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)


def _save_for_ever(path: str) -> None:
    parts = versions()
    ek.save(parts[0], path)
    print("saved", flush=True)
    while True:
        for part in parts:
            ek.save(part, path)


if __name__ == "__main__":
    _save_for_ever(sys.argv[1])
