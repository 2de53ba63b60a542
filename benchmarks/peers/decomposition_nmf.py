"""NMF beside scikit-learn's: time to the same loss, from the same start.

python benchmarks/peers/decomposition_nmf.py [--rows 5000] [--columns 2000] [--rank 32] [--threads 2] [--json]

Frobenius: HALS beside coordinate descent; Kullback-Leibler: multiplicative updates on both sides. Each is
in a process of its own; runs take turns, the least time counts. scikit-learn is run for a number of
iterations; eckart until its objective is as low as the one that scikit-learn has reached, which is computed
for both in float64 by the same function here.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from processes import Child, serve

ITERATIONS = {"frobenius": 60, "kullback-leibler": 30}
REPEATS = 3
OURS, PEER = "eckart", "scikit-learn"


def data(rows: int, columns: int, rank: int) -> tuple[Any, Any, Any]:
    """Return X of the rank with noise, and the start W, H that both libraries get; float32."""
    rng = np.random.default_rng(0)
    parts = rng.random((rank, columns)) * (rng.random((rank, columns)) < 0.3)
    x = rng.random((rows, rank)) @ parts + 0.3 * rng.random((rows, columns))
    scale = np.sqrt(x.mean() / rank)
    w, h = (scale * np.abs(rng.standard_normal(s)) for s in ((rows, rank), (rank, columns)))
    return tuple(np.ascontiguousarray(a, dtype=np.float32) for a in (x, w, h))


def loss_of(x: Any, w: Any, h: Any, loss: str) -> float:
    """Return the loss in float64."""
    product = w.astype(np.float64) @ h.astype(np.float64)
    if loss == "frobenius":
        return float(((x - product) ** 2).sum() / 2)
    seen = x > 0
    return float((x[seen] * np.log(x[seen] / product[seen])).sum() - x.sum(dtype=np.float64) + product.sum())


def child(library: str, rows: int, columns: int, rank: int) -> None:
    """Answer ``fit(loss, iterations)`` with the loss that is reached and the seconds of the fit."""
    x, w, h = data(rows, columns, rank)

    def fit(loss: str, iterations: int, measure: bool) -> dict[str, float]:
        options = {"init": "custom", "beta_loss": loss, "max_iter": iterations, "tol": 0}
        if library == OURS:
            from eckart.decomposition import NMF

            model = NMF(rank, solver="hals" if loss == "frobenius" else "mu", **options)
        else:
            from sklearn.decomposition import NMF

            warnings.simplefilter("ignore")
            model = NMF(rank, solver="cd" if loss == "frobenius" else "mu", **options)
        start = w.copy(), h.copy()
        begin = time.perf_counter()
        found = model.fit_transform(x, W=start[0], H=start[1])
        seconds = time.perf_counter() - begin
        return {
            "seconds": seconds, "loss": loss_of(x, found, model.components_, loss) if measure else np.nan
        }  # fmt: skip

    def open_library() -> tuple[Any, dict[str, Any]]:
        return library, {"fit": fit}

    serve(open_library)


def compare(children: dict[str, Child], loss: str) -> dict[str, Any]:
    """Return iterations, seconds and losses of both libraries at scikit-learn's final loss."""

    def fit(library: str, iterations: int, measure: bool) -> dict[str, float]:
        return children[library].call("fit", 600, loss=loss, iterations=iterations, measure=measure)

    theirs = ITERATIONS[loss]
    target = fit(PEER, theirs, True)["loss"]
    low, high = 0, theirs  # bisection: the fewest iterations of ours that are as good
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fit(OURS, middle, True)["loss"] <= target else (middle, high)
    reached = fit(OURS, high, True)["loss"]
    assert reached <= target * 1.0001, f"{loss}: {reached} after {high} iterations, {target} is wanted"
    iterations = {OURS: high, PEER: theirs}
    seconds = dict.fromkeys(iterations, np.inf)
    marginal = dict.fromkeys(iterations, np.inf)
    for _ in range(REPEATS):
        for library, n in iterations.items():
            whole = fit(library, n, False)["seconds"]
            seconds[library] = min(seconds[library], whole)
            longer = fit(library, n + 20, False)["seconds"]
            marginal[library] = min(marginal[library], max(longer - whole, 0) / 20)
    return {
        "iterations": iterations, "seconds": seconds, "milliseconds_an_iteration":
        {library: 1e3 * value for library, value in marginal.items()},
        "loss": {OURS: reached, PEER: target}, "speedup": seconds[PEER] / seconds[OURS],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--columns", type=int, default=2000)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--child", choices=(OURS, PEER), help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.child:
        child(o.child, o.rows, o.columns, o.rank)
        return
    sizes = ["--rows", str(o.rows), "--columns", str(o.columns), "--rank", str(o.rank)]
    children = {
        name: Child(name, [sys.executable, __file__, "--child", name, *sizes], o.threads, o.threads)
        for name in (OURS, PEER)
    }
    try:
        for one in children.values():
            one.start(120)
        found = {loss: compare(children, loss) for loss in ITERATIONS}
    finally:
        for one in children.values():
            one.close()
    if o.json:
        print(json.dumps(found))
        return
    for loss, result in found.items():
        print(f"{loss}: {result['speedup']:.2f} times as fast to the same loss")
        for name in (OURS, PEER):
            print(
                f"  {name:<13} {result['iterations'][name]:>3} iterations, {result['seconds'][name]:.3f} s, "
                f"{result['milliseconds_an_iteration'][name]:.1f} ms an iteration, "
                f"loss {result['loss'][name]:.6g}"
            )


if __name__ == "__main__":
    main()
