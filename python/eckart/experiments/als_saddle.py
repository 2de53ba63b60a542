"""Alternating least squares and gradient descent leave the saddles of factorisation, at predicted rates.

Of 1/2 |A - U V'|^2, fully observed, every choice of k singular triplets is a stationary point; all but the
first k are saddles (Baldi and Hornik 1989; Srebro and Jaakkola 2003, "Weighted low-rank approximations").
Off a saddle by epsilon along a larger singular direction, the linearised step multiplies the deviation:

  ALS, one sweep U <- A V (V'V)^-1, V <- A'U (U'U)^-1:    (s_i / s_j)^2, where i takes the place of j
  gradient descent on balanced factors:                   1 + step (s_i - s_j)
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "ALS and gradient descent leave saddles at the rates of the singular values"
SINGULAR = (5.0, 4.0, 3.0, 2.0, 1.5, 1.0)
SADDLES = {
    "rank 1 at s2": (1,),
    "rank 1 at s3": (2,),
    "rank 2 at s1, s3": (0, 2),
    "rank 3 at s1, s2, s4": (0, 1, 3),
}
EPSILONS = (1e-2, 1e-4, 1e-8)
STEP = 0.02  # of gradient descent, a tenth of 1 / s1
ESCAPED = 0.5  # cosine with the direction that was missing

Matrix = NDArray[np.float64]
Step = Callable[[Matrix, Matrix, Matrix], tuple[Matrix, Matrix]]


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Start near saddles, count the iterations until the missing direction is found, and look at the end."""
    rng = np.random.default_rng(seed)
    rows, columns = (30, 20) if quick else (300, 200)
    left = np.linalg.qr(rng.standard_normal((rows, len(SINGULAR))))[0]
    right = np.linalg.qr(rng.standard_normal((columns, len(SINGULAR))))[0]
    A = (left * SINGULAR) @ right.T
    outcome, curves, table = Outcome(), [], []
    for method, step in (("ALS", _als), ("gradient descent", _gradient)):
        rates, ends = [], []
        for name, held in SADDLES.items():
            missing = min(set(range(len(SINGULAR))) - set(held))
            predicted = _factor(method, missing, held[-1])
            for epsilon in EPSILONS:
                path, end = _descend(
                    A, left, right, held, missing, epsilon, step, 60 if method == "ALS" else 2500
                )
                escaped = int(np.argmax(path >= ESCAPED))
                growth = _growth(path)
                expected = math.log(_tangent(ESCAPED) / _tangent(path[0])) / math.log(predicted)
                rates.append(abs(growth / predicted - 1))
                ends.append(end / (0.5 * sum(s * s for s in SINGULAR[len(held) :])) - 1)
                table.append((f"{method}, {name}, ε = {epsilon:.0e}", f"{growth:.5f}", f"{predicted:.5f}",
                              escaped, f"{expected:.1f}"))  # fmt: skip
                if held == (1,):
                    curves.append((method, epsilon, path, predicted))
        outcome.checks += [
            Check.at_most(
                f"{method}: growth of the deviation beside theory, largest error", max(rates), 0.01
            ),
            Check.at_most(
                f"{method}: objective at the end over the least possible, minus 1", max(ends), 1e-6
            ),
        ]
        stays = _descend(A, left, right, (1,), 0, 0.0, step, 3)[0]
        outcome.checks.append(
            Check.at_most(
                f"{method}: deviation after three steps from the saddle itself", float(stays.max()), 1e-10
            )
        )
    outcome.tables.append(
        Table(
            "Leaving a saddle", ("start", "growth a step", "predicted", "steps to leave", "predicted "), table
        )
    )
    outcome.notes.append("A start at the saddle itself stays there in exact arithmetic; rounding lets it go.")
    outcome.data = {"curves": curves}
    return outcome


def draw(outcome: Outcome) -> Any:
    """Draw the deviation from the saddle at s2 by iteration, beside the predicted growth."""
    figure, panels = new_figure(10.5, 4.2, columns=2, sharey=True)
    for axes, method in zip(panels, ("ALS", "gradient descent"), strict=True):
        chosen = [curve for curve in outcome.data["curves"] if curve[0] == method]
        for (_, epsilon, path, factor), color in zip(chosen, COLORS, strict=True):
            until = int(np.argmax(path > 0.999)) + 3
            axes.plot(path[:until], color=color, linewidth=2, label=f"ε = {epsilon:.0e}")
            steps = np.arange(until)
            axes.plot(steps, path[0] * factor**steps, color="black", linestyle=":", linewidth=1)
        axes.set(yscale="log", xlabel="iteration", ylim=(1e-9, 3))
        axes.set_title(f"{method}: grows by {chosen[0][3]:.4g} a step (dotted)")
    panels[0].set_ylabel("cosine with the missing singular vector")
    panels[0].legend(frameon=False, title="start off the saddle by")
    return figure


def _als(A: Matrix, u: Matrix, v: Matrix) -> tuple[Matrix, Matrix]:
    u = np.linalg.solve(v.T @ v, (A @ v).T).T
    return u, np.linalg.solve(u.T @ u, (A.T @ u).T).T


def _gradient(A: Matrix, u: Matrix, v: Matrix) -> tuple[Matrix, Matrix]:
    return u + STEP * (A @ v - u @ (v.T @ v)), v + STEP * (A.T @ u - v @ (u.T @ u))


def _factor(method: str, missing: int, replaced: int) -> float:
    large, small = SINGULAR[missing], SINGULAR[replaced]
    return (large / small) ** 2 if method == "ALS" else 1 + STEP * (large - small)


def _descend(
    A: Matrix,
    left: Matrix,
    right: Matrix,
    held: tuple[int, ...],
    missing: int,
    epsilon: float,
    step: Step,
    steps: int,
) -> tuple[NDArray[np.float64], float]:
    """Return the cosine of the missing right singular vector with the span of V after each step, and the
    objective at the end. The start is balanced, and off the saddle in its last column."""
    scale = np.sqrt(np.array(SINGULAR)[list(held)])
    u, v = left[:, list(held)] * scale, right[:, list(held)] * scale
    u[:, -1] += epsilon * scale[-1] * left[:, missing]
    v[:, -1] += epsilon * scale[-1] * right[:, missing]
    path = []
    for _ in range(steps + 1):
        path.append(np.linalg.norm(np.linalg.qr(v)[0].T @ right[:, missing]))
        u, v = step(A, u, v)
    return np.array(path), 0.5 * float(np.linalg.norm(A - u @ v.T) ** 2)


def _growth(path: NDArray[np.float64]) -> float:
    """Return the factor a step while the deviation is small: the mean over its first steps."""
    small = int(np.argmax(path > 0.05)) if path[0] < 0.05 else 1
    steps = max(small - 1, 1)
    return float((_tangent(path[steps]) / _tangent(path[0])) ** (1 / steps))


def _tangent(cosine: float) -> float:
    """Return the ratio of the missing direction to the held one."""
    return cosine / math.sqrt(1 - min(cosine, 1 - 1e-12) ** 2)
