"""The rank-one model: the best uu' is sqrt(lambda_1) times the leading eigenvector, by two iterations.

Power iteration turns towards it at the rate lambda_2 / lambda_1. Gradient descent on ¼‖A − uu'‖² is power
iteration with memory, u ← u − η(‖u‖²u − Au): near its end the angle falls by 1 − η(λ₁ − λ₂), and with the
step η = 1/‖u‖² it is power iteration itself.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.linalg import power_method, single_threaded

TITLE = "The rank-one model: power iteration, gradient descent, and the length √λ₁"
TOP = 4.0  # lambda_1
RATIOS = (0.5, 0.8, 0.95)
STEP = 0.25 / TOP
END, REACHED = 1e-12, 1e-9  # the iterations run for a fall by END; the table counts those until REACHED
STARTS = (0.01, 1.0, 4.0)  # lengths that gradient descent starts from


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Measure rates, the length, and the error that is left."""
    n = 60 if quick else 300
    rng = np.random.default_rng(seed)
    checks, rows, curves = [], [], {}
    with single_threaded():
        for ratio in RATIOS:
            a, vectors, values = _matrix(n, ratio, rng)
            start = rng.normal(size=n)
            steps = int(np.ceil(np.log(END) / np.log(ratio)))
            power = _angles(_power(a, start, steps), vectors[:, 0])
            slow = 1 - STEP * TOP * (1 - ratio)
            path = _descent(a, start / np.linalg.norm(start), int(np.ceil(np.log(END) / np.log(slow))))
            descent = _angles(path, vectors[:, 0])
            values_found = power_method(a, 1, symmetric=False, tol=1e-9, max_iter=5000, random_state=seed)
            singular = _rate(values_found.history[0], 1e-7)
            checks += [
                Check.close(f"λ₂/λ₁ = {ratio}: rate of power iteration", _rate(power), ratio, 1e-3),
                Check.close(f"λ₂/λ₁ = {ratio}: rate through A'A", singular, ratio**2, 1e-3),
                Check.close(f"λ₂/λ₁ = {ratio}: rate of gradient descent", _rate(descent), slow, 1e-3),
            ]
            counts = (int(np.argmax(found < REACHED)) for found in (power, descent))
            rows.append((ratio, *counts, f"{_rate(power):.5f}", f"{_rate(descent):.5f}"))
            curves[ratio] = (power, descent, slow)
        a, vectors, values = _matrix(n, RATIOS[0], rng)
        start = rng.normal(size=n)
        paths = {length: _descent(a, length * start / np.linalg.norm(start), 400) for length in STARTS}
        lengths = {length: np.linalg.norm(path, axis=1) for length, path in paths.items()}
        end = paths[1.0][-1]
        same = _descent(a, start, 20, None)
        turned = np.abs(_unit(same) - _unit(np.array(_power(a, start, 20)))).max()
    checks += [
        *(Check.close(f"length from {x}", float(lengths[x][-1]), float(np.sqrt(TOP)), 1e-9) for x in STARTS),
        Check.close(
            "‖A − uu'‖² against Σλ² of the others",
            float(np.linalg.norm(a - np.outer(end, end)) ** 2), float((values[1:] ** 2).sum()), 1e-9,
        ),
        Check.at_most("step 1/‖u‖²: distance from power iteration", float(turned), 1e-12),
    ]  # fmt: skip
    table = Table(
        f"Iterations to an angle of {REACHED:g}, and the rates",
        ("λ₂/λ₁", "power", "gradient", "rate of power", "rate of gradient"),
        rows,
    )
    return Outcome(checks, [table], {"curves": curves, "lengths": lengths})


def draw(outcome: Outcome) -> Any:
    """The angle under both iterations beside the predicted slopes, and the length of the iterate."""
    figure, panels = new_figure(12, 3.8, columns=3)
    for axes, which, name in zip(panels, (0, 1), ("Power iteration", "Gradient descent"), strict=False):
        for (ratio, found), color in zip(outcome.data["curves"].items(), COLORS, strict=True):
            angles, rate = found[which], (ratio, found[2])[which]
            axes.semilogy(angles, color=color, linewidth=2.5, label=f"λ₂/λ₁ = {ratio}")
            steps, last = np.arange(len(angles)), int(np.argmax(angles < REACHED))
            predicted = angles[last] * rate ** (steps - last)
            axes.semilogy(steps, predicted, "--", color="black", linewidth=0.9)
        axes.set(xlabel="iteration", ylabel="tan of the angle to the leading vector", ylim=(REACHED, 1e3))
        axes.set_title(f"{name} (dashed: predicted slope)", fontsize=10)
        axes.legend(frameon=False, fontsize=8)
    last = panels[2]
    last.axhline(np.sqrt(TOP), color="0.3", linestyle="--", linewidth=1, label="√λ₁")
    for (start, lengths), color in zip(outcome.data["lengths"].items(), COLORS, strict=True):
        last.plot(lengths[:60], color=color, label=f"from length {start:g}")
    last.set(xlabel="iteration", ylabel="‖u‖", ylim=(0, None))
    last.set_title("Gradient descent finds the length √λ₁", fontsize=10)
    last.legend(frameon=False, fontsize=8)
    return figure


def _matrix(n: int, ratio: float, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Return a positive definite A (n, n) with lambda_2 = ratio lambda_1, its vectors and its values."""
    values = TOP * ratio * np.concatenate([[1 / ratio, 1.0], np.linspace(0.6, 0.01, n - 2)])
    vectors = np.linalg.qr(rng.normal(size=(n, n)))[0]
    a = (vectors * values) @ vectors.T
    return (a + a.T) / 2, vectors, values


def _power(a: NDArray[Any], u: NDArray[Any], steps: int) -> list[NDArray[Any]]:
    path = [u]
    for _ in range(steps):
        u = a @ u
        u = u / np.linalg.norm(u)
        path.append(u)
    return path


def _descent(a: NDArray[Any], u: NDArray[Any], steps: int, step: float | None = STEP) -> NDArray[Any]:
    """Return the path of gradient descent, (steps + 1, n); None: the step 1/‖u‖²."""
    path = [u]
    for _ in range(steps):
        square = u @ u
        u = u - (1 / square if step is None else step) * (square * u - a @ u)
        path.append(u)
    return np.array(path)


def _unit(path: NDArray[Any]) -> NDArray[Any]:
    return path / np.linalg.norm(path, axis=1, keepdims=True)


def _angles(path: Any, leading: NDArray[Any]) -> NDArray[np.float64]:
    """Return the tangent of each iterate's angle to the leading vector."""
    iterates = np.array(path)
    along = iterates @ leading
    return np.asarray(np.linalg.norm(iterates - np.outer(along, leading), axis=1) / np.abs(along))


def _rate(errors: NDArray[np.float64], late: float = 1e-6) -> float:
    """Return the factor an iteration of a sequence that falls geometrically, where it is late but not yet
    rounding."""
    used = errors[(errors < late) & (errors > 1e-10)]
    return float((used[-1] / used[0]) ** (1 / (len(used) - 1)))
