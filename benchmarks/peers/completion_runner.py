"""Runs one comparison of `completion.py`: find the peer's best setting, check its answer, take turns."""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import completion_answers as answers
import numpy as np
from completion_comparisons import CHECK, QUICK_SHAPES, RANK, REG, SHAPES, TRUTH, Comparison, K
from processes import Child, ChildError

STARTING = 120.0  # seconds for importing a library and preparing the ratings
CHECK_ITERATIONS = {"objective": 40, "implicit objective": 400}  # until ALS has converged on the small data
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
        """End eckart's processes; the next use starts them anew."""
        for child in self._ours.values():
            child.close()
        self._ours.clear()

    def compare(self, comparison: Comparison, jobs: list[str]) -> list[Row]:
        """Return a row for each of `jobs` that the comparison serves; failures are noted, not raised."""
        wanted = {job: setting for job, setting in comparison.ours.items() if job in jobs}
        if not wanted:
            return []
        say(f"{comparison.name}: {', '.join(wanted)}")
        measure = self._compare_lists if comparison.answer == "lists" else self._compare_fits
        try:
            return measure(comparison, wanted)
        except Exception as error:  # whatever goes wrong with one peer, the others are still measured
            expected = isinstance(error, ChildError | AnswerError)
            why = str(error) if expected else f"{type(error).__name__}: {error}"
            say(f"  {why}")
            self.failures.append((comparison.name, why))
            self.close()  # it may have been eckart that did not answer
            return []

    # -- training ----------------------------------------------------------------------------------

    def _compare_fits(self, comparison: Comparison, wanted: dict[str, Setting]) -> list[Row]:
        settings = {job: {"rank": RANK, "reg": REG, **ours} for job, ours in wanted.items()}
        eckart = self._eckart(comparison.shape)
        seconds: dict[str, list[float]] = {job: [] for job in ("peer", *settings)}
        with ExitStack() as stack:
            peer, chosen, how = self._at_its_best(comparison, stack)
            same = dict.fromkeys(wanted, "")
            if comparison.answer.endswith("objective"):
                n = CHECK_ITERATIONS[comparison.answer]
                same = {job: self._check_objective(peer, chosen, ours, n) for job, ours in wanted.items()}
            setting = {"rank": RANK, "reg": comparison.reg, **chosen}
            self._prepare(peer, comparison.shape)
            self._fit(peer, setting, 1)  # the first fit of a process also pays for its memory
            for _ in self._pairs(comparison):
                for job, our_setting in settings.items():
                    seconds[job].append(self._marginal(eckart, our_setting, comparison.our_iterations))
                    eckart.call("save_model", STARTING, path=self._file(job))
                seconds["peer"].append(self._marginal(peer, setting, comparison.iterations))
            peer.call("save_model", STARTING, path=self._file("peer"))
        learned = {job: same[job] + self._check_learned(comparison, job) for job in wanted}
        return [
            self._row(comparison, job, seconds[job], seconds["peer"], learned[job], how) for job in wanted
        ]

    def _at_its_best(self, comparison: Comparison, stack: ExitStack) -> tuple[Child, Setting, str]:
        """Try BLAS threads and settings on the middle-sized ratings.

        Returns the peer running with the fastest number of BLAS threads, the fastest setting, and
        words for both where there was a choice.
        """
        peers = {
            blas: stack.enter_context(self._start(comparison.library, blas))
            for blas in comparison.blas_threads
        }
        candidates = list(itertools.product(comparison.blas_threads, comparison.settings))
        if len(candidates) == 1:
            return peers[candidates[0][0]], candidates[0][1], ""
        timed = []
        for blas, setting in candidates:
            parts = [f"BLAS threads {blas}"] * (len(comparison.blas_threads) > 1)
            parts += [f"{name} {value}" for name, value in setting.items() if len(comparison.settings) > 1]
            full = {"rank": RANK, "reg": comparison.reg, **setting}
            self._prepare(peers[blas], "1M")
            self._fit(peers[blas], full, 1)
            seconds = self._marginal(peers[blas], full, comparison.iterations)
            timed.append((seconds, blas, setting, ", ".join(parts)))
            say(f"  {timed[-1][-1]}: {seconds:.3g} s on the middle-sized ratings")
        _, blas, setting, how = min(timed, key=lambda candidate: candidate[0])
        return peers[blas], setting, how

    def _fit(self, child: Child, setting: Setting, iterations: int) -> float:
        return child.call("fit", self._args.timeout, iterations=iterations, **setting)

    def _marginal(self, child: Child, setting: Setting, n: int) -> float:
        """Return the seconds of one iteration more, over n iterations; the last fit stays in the child."""
        one = self._fit(child, setting, 1)
        return (self._fit(child, setting, 1 + n) - one) / n

    def _check_objective(self, peer: Child, chosen: Setting, our_setting: Setting, iterations: int) -> str:
        """Let both converge on small data and compare what they minimise. AnswerError where it differs."""
        ours = self._eckart("check")
        self._prepare(peer, "check")
        for child, setting, name in ((ours, our_setting, "ours"), (peer, chosen, "peer")):
            self._fit(child, {**CHECK, **setting, "rank": CHECK["rank"]}, iterations)
            child.call("save_model", STARTING, path=self._file(name))
        reached = [
            self._objective(answers.Model.load(self._file(name)), our_setting) for name in ("ours", "peer")
        ]
        off = reached[1] / reached[0] - 1
        return judged(abs(off) <= SAME_OBJECTIVE, f"same objective to {abs(off):.1e} on small data; ")

    def _objective(self, model: answers.Model, our_setting: Setting) -> float:
        users, items, values = self._ratings["check"]
        if our_setting.get("model") == "ImplicitALS":
            terms = {name: our_setting[name] for name in ("reg", "unobserved_weight", "nu")}
            return answers.implicit_objective(model, users, items, **terms)
        return answers.objective(model, users, items, values, CHECK["reg"])

    def _check_learned(self, comparison: Comparison, job: str) -> str:
        """Return what the peer's model of the big data is worth. AnswerError if it has learned nothing."""
        users, items, values = self._ratings[comparison.shape]
        peer = answers.Model.load(self._file("peer"))
        if comparison.answer in ("learned", "implicit objective"):
            share = answers.auc(peer, users, items)
            return judged(share > LEARNED_AUC, f"training pairs above random ones: {share:.1%}")
        error, spread = answers.rmse(peer, users, items, values), float(values.std())
        ours = answers.rmse(answers.Model.load(self._file(job)), users, items, values)
        return judged(
            error < spread,
            f"training RMSE {error:.3f} after {1 + comparison.iterations} iterations, "
            f"eckart's {ours:.3f} after {1 + comparison.our_iterations}",
        )

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
        with self._start(comparison.library, blas) as peer:
            self._prepare(peer, comparison.shape)
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
            self._ours[shape] = self._start("eckart", 1)
            self._prepare(self._ours[shape], shape)
            self._fit(self._ours[shape], {"rank": RANK, "reg": REG}, 1)  # pays for the memory
        return self._ours[shape]

    def _start(self, library: str, blas_threads: int) -> Child:
        """Start a library. Raises ChildError with the reason, also where it is missing."""
        python = sys.executable if library == "eckart" else self._args.python
        script = Path(__file__).with_name("completion_libraries.py")
        command = [python, str(script), library, str(self._args.threads)]
        child = Child(library, command, self._args.threads, blas_threads)
        try:
            self.versions[library] = child.start(STARTING)
        except ChildError:
            child.close()
            raise
        return child

    def _prepare(self, child: Child, shape: str) -> None:
        self._write_ratings(shape)
        child.call("prepare", STARTING, path=self._file(shape))

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
