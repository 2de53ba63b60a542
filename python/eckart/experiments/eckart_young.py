"""The theorem of Eckart and Young (1936): no matrix of rank k is closer to A than its truncated SVD.

On scikit-learn's digits (1797 images of 64 pixels), in the Frobenius and the spectral norm. The rivals are
projections onto random subspaces, onto columns of A itself, and every iterate of alternating least squares.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.linalg import multiply, multiply_transposed, project, randomized_svd, single_threaded

TITLE = "Eckart-Young: the truncated SVD is the best approximation of a rank"
RANK = 10
FROBENIUS, SPECTRAL = 760.1178, 228.6558  # of the best approximation of rank 10, computed independently
SHOWN = (1, 2, 5, 10, 20, 40)


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Measure the errors of the best approximations and of their rivals."""
    from sklearn.datasets import load_digits

    a = load_digits().data.astype(np.float64)
    rng = np.random.default_rng(seed)
    starts, sweeps = (3, 15) if quick else (10, 100)
    with single_threaded():
        s = np.linalg.svd(a, compute_uv=False)
        tail = np.sqrt(np.cumsum(s[::-1] ** 2)[::-1])  # tail[k]: the error that is predicted for rank k
        best = [_truncated(a, k, seed) for k in SHOWN]
        random = {k: [_from_subspace(a, rng.normal(size=(64, k))) for _ in range(starts)] for k in SHOWN}
        columns = {k: [_from_columns(a, k, rng) for _ in range(starts)] for k in SHOWN}
        traces = [_als(a, RANK, sweeps, rng) for _ in range(starts)]
    rivals = {"random subspace": random, "random columns": columns}
    closest = {name: min(min(found[k]) / float(tail[k]) for k in SHOWN) for name, found in rivals.items()}
    bound = float(tail[RANK])
    iterates = min(float(trace.min()) for trace in traces) / bound
    ten = SHOWN.index(RANK)
    checks = [
        Check.close("rank 10: ‖A − A₁₀‖² against Σσ² of the tail", best[ten][0] ** 2, bound**2, 1e-10),
        Check.close("all ranks: worst ratio of the two", _worst(best, tail), 1.0, 1e-10),
        Check.close("rank 10, Frobenius norm", best[ten][0], FROBENIUS, 1e-6),
        Check.close("rank 10, spectral norm (σ₁₁)", best[ten][1], SPECTRAL, 1e-6),
        *(Check.at_least(f"{name}: closest, / best", ratio, 1.0) for name, ratio in closest.items()),
        Check.at_least("ALS: closest iterate / best", iterates, 1.0 - 1e-12),
        Check.at_most("ALS: median of the ends / best", _ends(traces) / bound, 1.02),
    ]
    rows = [
        (k, f"{error:.3f}", f"{tail[k]:.3f}", *(f"{min(found[k]):.1f}" for found in rivals.values()))
        for k, (error, _) in zip(SHOWN, best, strict=True)
    ]
    table = Table("‖A − B‖ of rank k", ("k", "truncated SVD", "√Σσ² of the tail", *rivals), rows)
    data = {"rivals": rivals, "traces": traces, "tail": tail, "norm": np.linalg.norm(a)}
    return Outcome(checks, [table], data)


def draw(outcome: Outcome) -> Any:
    """Errors against the rank, and ALS on its way down to the bound."""
    data = outcome.data
    tail, norm = data["tail"], data["norm"]
    figure, (left, right) = new_figure(9.5, 3.8, columns=2)
    left.plot(range(1, 64), tail[1:] / norm, color=COLORS[0], label="truncated SVD = √Σσ² of the tail")
    for (name, found), color, mark in zip(data["rivals"].items(), COLORS[1:], "ox", strict=True):
        ranks = [k for k in found for _ in found[k]]
        errors = [error / norm for k in found for error in found[k]]
        left.plot(ranks, errors, mark, color=color, label=name, markersize=4, alpha=0.7)
    left.set(xlabel="rank k", ylabel="‖A − B‖ / ‖A‖", title="No rival is below the bound", ylim=(0, None))
    left.legend(frameon=False, fontsize=8)
    for trace in data["traces"]:
        right.semilogy(np.arange(1, len(trace) + 1), trace / tail[RANK] - 1, color=COLORS[1], linewidth=1)
    right.set_ylim(1e-15, 1)  # below is rounding
    right.set(xlabel="sweep", ylabel="error / best error − 1", title=f"ALS of rank {RANK}, random starts")
    return figure


def _truncated(a: NDArray[Any], k: int, seed: int) -> tuple[float, float]:
    """Return both norms of A - A_k, formed from the vectors."""
    found = randomized_svd(a, k, tol=1e-10, random_state=seed)
    rest = a - multiply(found.U * found.s, np.ascontiguousarray(found.Vt))
    return float(np.linalg.norm(rest)), float(np.linalg.norm(rest, 2))


def _from_subspace(a: NDArray[Any], basis: NDArray[Any]) -> float:
    """Return the error of the rows of A projected onto the span of a basis: the best of all B within it."""
    return float(np.linalg.norm(a - project(a, basis)))


def _from_columns(a: NDArray[Any], k: int, rng: np.random.Generator) -> float:
    """Return the error of A projected onto k of its own columns that are not constant."""
    varied = np.flatnonzero(a.std(axis=0) > 0)
    chosen = a[:, rng.choice(varied, k, replace=False)]
    return float(np.linalg.norm(a.T - project(np.ascontiguousarray(a.T), chosen)))


def _als(a: NDArray[Any], k: int, sweeps: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return ‖A − U V'‖ after each half-sweep pair of alternating least squares from a random V."""
    v = rng.normal(size=(a.shape[1], k))
    errors = []
    for _ in range(sweeps):
        v = np.linalg.qr(v)[0]  # the same span, better conditioned
        u = multiply(a, v)
        v = np.linalg.solve(u.T @ u, multiply_transposed(u, a)).T
        errors.append(float(np.linalg.norm(a - u @ v.T)))
    return np.array(errors)


def _worst(best: list[tuple[float, float]], tail: NDArray[np.float64]) -> float:
    ratios = [error / float(tail[k]) for k, (error, _) in zip(SHOWN, best, strict=True)]
    return max(ratios, key=lambda ratio: abs(ratio - 1))


def _ends(traces: list[NDArray[np.float64]]) -> float:
    return float(np.median([trace[-1] for trace in traces]))
