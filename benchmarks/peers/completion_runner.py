"""Runs one comparison of `completion.py`: find the peer's best setting, check its answer, take turns."""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import completion_answers as answers
import numpy as np
from completion_comparisons import CHECK, QUICK_SHAPES, RANK, REG, SHAPES, TRUTH, Comparison, K
from processes import Child, ChildError

STARTING = 120.0  # seconds for importing a library and preparing the ratings
CHECK_ITERATIONS = 40  # until ALS has converged on the small data
SAME_OBJECTIVE = 1e-3  # relative
LEARNED_AUC = 0.7
TOPK_ITERATIONS = 2  # of eckart's fit, whose factors both sides then rank by

Setting = dict[str, Any]
Row = dict[str, Any]


class AnswerError(Exception):
    """A peer's answer is not what its time would be reported for."""


class Runner:
    """Keeps the ratings, eckart's processes (one for each set of ratings), versions and failures.

    versions : of each library that answered; failures : (what was not measured, why)
    """

    def __init__(self, folder: Path, args: argparse.Namespace, deadline: float) -> None:
        self.versions: dict[str, str] = {}
        self.failures: list[tuple[str, str]] = []
        self._folder, self._args, self._deadline = folder, args, deadline
        self._ours: dict[str, Child] = {}
        self._ratings: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def close(self) -> None:
        for child in self._ours.values():
            child.close()

    def compare(self, comparison: Comparison, jobs: list[str]) -> list[Row]:
        """Return a row for each of `jobs` that the comparison serves; failures are noted, not raised."""
        wanted = {job: setting for job, setting in comparison.ours.items() if job in jobs}
        if not wanted:
            return []
        say(f"{comparison.name}: {', '.join(wanted)}")
        measure = self._compare_lists if comparison.answer == "lists" else self._compare_fits
        try:
            return measure(comparison, wanted)
        except (ChildError, AnswerError) as error:
            say(f"  {error}")
            self.failures.append((comparison.name, str(error)))
            return []

    # -- training ----------------------------------------------------------------------------------

    def _compare_fits(self, comparison: Comparison, wanted: dict[str, Setting]) -> list[Row]:
        blas, chosen, how = self._best_setting(comparison)
        same = ""
        if comparison.answer == "objective":
            same = self._check_objective(comparison, chosen, next(iter(wanted.values())))
        setting = {"rank": RANK, "reg": comparison.reg, **chosen}
        settings = {job: {"rank": RANK, "reg": REG, **ours} for job, ours in wanted.items()}
        n, ours = comparison.iterations, self._eckart(comparison.shape)
        seconds: dict[str, list[float]] = {job: [] for job in ("peer", *settings)}
        with self._start(comparison.library, comparison.shape, blas) as peer:
            self._fit(peer, setting, 1)  # the first fit of a process also pays for its memory
            for _ in self._pairs(comparison):
                for job, our_setting in settings.items():
                    seconds[job].append(self._marginal(ours, our_setting, n))
                ours.call("save_model", STARTING, path=self._file("ours"))
                seconds["peer"].append(self._marginal(peer, setting, n))
                peer.call("save_model", STARTING, path=self._file("peer"))
            answer = same + self._check_learned(comparison)
        return [self._row(comparison, job, seconds[job], seconds["peer"], answer, how) for job in settings]

    def _best_setting(self, comparison: Comparison) -> tuple[int, Setting, str]:
        """Try BLAS threads and settings on the middle-sized ratings; return the fastest, and its name."""
        candidates = list(itertools.product(comparison.blas_threads, comparison.settings))
        if len(candidates) == 1:
            return *candidates[0], ""
        timed = []
        for blas, setting in candidates:
            many = {f"BLAS threads {blas}": comparison.blas_threads}
            many |= {f"{name} {value}": comparison.settings for name, value in setting.items()}
            how = ", ".join(words for words, choices in many.items() if len(choices) > 1)
            with self._start(comparison.library, "1M", blas) as peer:
                full = {"rank": RANK, "reg": comparison.reg, **setting}
                self._fit(peer, full, 1)
                timed.append((self._marginal(peer, full, comparison.iterations), blas, setting, how))
            say(f"  {how}: {timed[-1][0]:.3g} s on the middle-sized ratings")
        return min(timed, key=lambda candidate: candidate[0])[1:]

    def _fit(self, child: Child, setting: Setting, iterations: int) -> float:
        return child.call("fit", self._args.timeout, iterations=iterations, **setting)

    def _marginal(self, child: Child, setting: Setting, n: int) -> float:
        """Return the seconds of one iteration more, over n iterations; the last fit stays in the child."""
        one = self._fit(child, setting, 1)
        return (self._fit(child, setting, 1 + n) - one) / n

    def _check_objective(self, comparison: Comparison, chosen: Setting, ours: Setting) -> str:
        """Let both converge on small data and compare what they minimise. AnswerError where it differs."""
        self._fit(self._eckart("check"), {**CHECK, **ours}, CHECK_ITERATIONS)
        self._eckart("check").call("save_model", STARTING, path=self._file("ours"))
        with self._start(comparison.library, "check", 1) as peer:
            self._fit(peer, {**CHECK, **chosen}, CHECK_ITERATIONS)
            peer.call("save_model", STARTING, path=self._file("peer"))
        reached = [
            answers.objective(answers.Model.load(self._file(name)), *self._ratings["check"], CHECK["reg"])
            for name in ("ours", "peer")
        ]
        off = reached[1] / reached[0] - 1
        return judged(abs(off) <= SAME_OBJECTIVE, f"same objective to {abs(off):.1e} on small data; ")

    def _check_learned(self, comparison: Comparison) -> str:
        """Return what the peer's model of the big data is worth. AnswerError if it has learned nothing."""
        users, items, values = self._ratings[comparison.shape]
        peer = answers.Model.load(self._file("peer"))
        if comparison.answer == "learned":
            share = answers.auc(peer, users, items)
            return judged(share > LEARNED_AUC, f"training pairs above random ones: {share:.1%}")
        error, spread = answers.rmse(peer, users, items, values), float(values.std())
        ours = answers.rmse(answers.Model.load(self._file("ours")), users, items, values)
        n = comparison.iterations + 1
        return judged(error < spread, f"training RMSE after {n} iterations {error:.3f} (eckart {ours:.3f})")

    # -- lists -------------------------------------------------------------------------------------

    def _compare_lists(self, comparison: Comparison, wanted: dict[str, Setting]) -> list[Row]:
        ((job, setting),) = wanted.items()
        ours = self._eckart(comparison.shape)
        self._fit(ours, {"rank": RANK, "reg": REG, **setting}, TOPK_ITERATIONS)
        ours.call("save_model", STARTING, path=self._file("factors"))
        blas = min(comparison.blas_threads, key=lambda blas: self._lists(comparison, blas, None)[1][0])
        ours_seconds, peer_seconds = self._lists(comparison, blas, ours)
        try:
            same = answers.same_lists(self._file("ours"), self._file("peer"))
        except ValueError as error:
            raise AnswerError(str(error)) from None
        answer = f"same item at {same:.2%} of the places, the rest ties"
        return [self._row(comparison, job, ours_seconds, peer_seconds, answer, f"BLAS threads {blas}")]

    def _lists(
        self, comparison: Comparison, blas: int, ours: Child | None
    ) -> tuple[list[float], list[float]]:
        """Return the seconds of eckart's and the peer's lists in turns; without `ours`, one trial."""
        ours_seconds, peer_seconds = [], []
        with self._start(comparison.library, comparison.shape, blas) as peer:
            peer.call("use_factors", STARTING, path=self._file("factors"))
            for _ in self._pairs(comparison) if ours else range(1):
                for child, name, seconds in ((ours, "ours", ours_seconds), (peer, "peer", peer_seconds)):
                    if child is not None:
                        path = self._file(name)
                        seconds.append(child.call("top_k", self._args.timeout, k=K, path=path))
        return ours_seconds, peer_seconds

    # -- both --------------------------------------------------------------------------------------

    def _pairs(self, comparison: Comparison) -> Iterator[int]:
        """Count the pairs of a comparison: at least one, and no further one after the deadline."""
        for pair in range(1 if self._args.quick else comparison.pairs):
            if pair and time.monotonic() > self._deadline:
                return
            yield pair

    def _row(
        self, comparison: Comparison, job: str, ours: list[float], peer: list[float], answer: str, how: str
    ) -> Row:
        ratio = statistics.median(b / a for a, b in zip(ours, peer, strict=True))
        say(f"  {job}: {ratio:.2f} × eckart's {statistics.median(ours):.3g} s; {answer}")
        return {
            "job": job, "shape": comparison.shape, "peer": comparison.name, "peer_setting": how,
            "eckart_seconds": statistics.median(ours), "peer_seconds": statistics.median(peer),
            "ratio": ratio, "eckart_all": ours, "peer_all": peer, "pairs": len(ours), "answer": answer,
        }  # fmt: skip

    def _eckart(self, shape: str) -> Child:
        if shape not in self._ours:
            self._ours[shape] = self._start("eckart", shape, 1)
            self._fit(self._ours[shape], {"rank": RANK, "reg": REG}, 1)
        return self._ours[shape]

    def _start(self, library: str, shape: str, blas_threads: int) -> Child:
        """Start a library with its ratings. Raises ChildError with the reason, also where it is missing."""
        self._write_ratings(shape)
        python = sys.executable if library == "eckart" else self._args.python
        script = Path(__file__).with_name("completion_libraries.py")
        command = [python, str(script), library, self._file(shape), str(self._args.threads)]
        child = Child(command, self._args.threads, blas_threads)
        try:
            self.versions[library] = child.start(STARTING)["version"]
        except ChildError:
            child.close()
            raise
        return child

    def _write_ratings(self, shape: str) -> None:
        if shape in self._ratings:
            return
        import eckart as ek

        users, items, n = (QUICK_SHAPES if self._args.quick else SHAPES)[shape]
        rank, noise = TRUTH[shape]
        made = ek.datasets.make_ratings(users, items, n, rank, noise, random_state=0, step=0.5).ratings
        columns = made.user_index, made.item_index, made.values.astype(np.float32)
        named = dict(zip(("users", "items", "values"), columns, strict=True))
        np.savez(self._file(shape), shape=np.array([users, items]), **named)
        self._ratings[shape] = columns

    def _file(self, name: str) -> str:
        return str(self._folder / f"{name}.npz")


def judged(good: bool, words: str) -> str:
    """Return `words` about an answer that is as promised. Raises AnswerError with them otherwise."""
    if not good:
        raise AnswerError(f"the answer is not good enough to be timed: {words}")
    return words


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
