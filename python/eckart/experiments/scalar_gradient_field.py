"""The smallest completion problem, a = uv: how gradient descent moves, where it ends, and what it avoids.

L(u, v) = ½(uv − a)². The flow keeps u² − v². Where that is zero, x = uv obeys x' = 2x(a − x), so that
x(t) = a c e^{2at} / (c e^{2at} + a − c), c = x(0). The origin is a saddle, with curvature −a along
u = v and +a along u = −v: only starts on that line end there, and from a distance ε of it the escape takes
the time ln(1/ε)/a.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "Gradient descent on ½(uv − a)²: the field, the saddle, and x(t) in closed form"
A = 1.0
SMALL = 0.02  # c, where the balanced flow starts
TIME = 5.0
STEPS = (0.1, 0.05, 0.025, 0.0125)  # eta of the discrete runs
OFF = (1e-2, 1e-4, 1e-6, 1e-8)  # distances from the saddle's stable line


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Measure the discrete descent beside the flow."""
    errors = {eta: _error(eta) for eta in STEPS}
    orders = [np.log2(errors[eta] / errors[eta / 2]) for eta in STEPS[:-1]]
    rng = np.random.default_rng(seed)
    starts = rng.uniform(-2, 2, (20 if quick else 200, 2))
    ends, drift = _ends(starts, 0.01), _drift(starts)
    escapes = np.array([_escape(distance) for distance in OFF])
    slope = np.polyfit(np.log(1 / np.array(OFF)), escapes, 1)[0]
    on_line = _path(np.array([1.3, -1.3]), 0.01, 4000)[-1]
    checks = [
        Check.close("c e^{2at} form at t = 0", float(closed_form(np.zeros(1), A, SMALL)[0]), SMALL, 1e-12),
        Check.at_most("largest |x_k − x(kη)| at η = 0.0125", errors[STEPS[-1]], 0.02),
        *(
            Check.close(f"order of the error from η = {eta:g}", float(order), 1.0, 0.15)
            for eta, order in zip(STEPS, orders, strict=False)
        ),
        Check.close("drift of u² − v²: the flow keeps it (order in η)", drift, 1.0, 0.15),
        Check.close(f"share of {len(starts)} random starts that reach uv = a", float(ends.mean()), 1.0, 1e-9),
        Check.at_most("distance to the saddle from u = −v", float(np.linalg.norm(on_line)), 1e-9),
        Check.close("escape time for each factor e of distance, 1/a", float(slope), 1 / A, 0.05),
    ]
    rows = [(eta, f"{errors[eta]:.5f}") for eta in STEPS]
    table = Table("Largest distance of the discrete run from x(t)", ("step η", "max |x_k − x(kη)|"), rows)
    runs = {eta: _balanced(eta) for eta in (0.4, STEPS[0])}
    return Outcome(checks, [table], {"runs": runs, "escapes": escapes})


def draw(outcome: Outcome) -> Any:
    """The field with its hyperbola and saddle, x(t) beside the discrete runs, and the escape times."""
    figure, (field, course, escape) = new_figure(13, 4.2, columns=3)
    grid = np.linspace(-2.2, 2.2, 25)
    u, v = np.meshgrid(grid, grid)
    field.streamplot(u, v, (A - u * v) * v, (A - u * v) * u, color="0.75", density=1.1, linewidth=0.7)
    branch = np.linspace(A / 2.2, 2.2, 100)
    for sign in (1, -1):
        label = "minima uv = a" if sign == 1 else None
        field.plot(sign * branch, sign * A / branch, color=COLORS[0], linewidth=2.5, label=label)
    for start in ((2.0, -1.9), (-1.9, 2.0), (0.3, -2.0), (-2.0, -0.2)):
        path = _path(np.array(start), 0.01, 3000)
        field.plot(*path.T, color=COLORS[1], linewidth=1.5, label="descent" if start[0] == 2.0 else None)
    field.plot(
        [-2.2, 2.2], [2.2, -2.2], color="0.3", linestyle=":", linewidth=1.2, label="u = −v, to the saddle"
    )
    field.plot(0, 0, "o", color="black", markersize=5)
    field.set(xlabel="u", ylabel="v", xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal")
    field.set_title("−∇ ½(uv − a)², a = 1", fontsize=10)
    field.legend(fontsize=8, loc="lower right", framealpha=0.95)
    times = np.linspace(0, TIME, 300)
    course.plot(
        times, closed_form(times, A, SMALL), color="0.3", linewidth=4, alpha=0.35, label="x(t), closed form"
    )
    for (eta, run_), color in zip(outcome.data["runs"].items(), COLORS, strict=False):
        course.plot(
            eta * np.arange(len(run_)),
            run_,
            ".-",
            color=color,
            markersize=3,
            linewidth=0.8,
            label=f"η = {eta:g}",
        )
    course.set(xlabel="time kη", ylabel="x = uv")
    course.set_title("From c = 0.02: the plateau, then a at rate 2a", fontsize=10)
    course.legend(frameon=False, fontsize=8, loc="lower right")
    distances = np.array(OFF)
    escape.semilogx(distances, outcome.data["escapes"], "o", color=COLORS[0], label="measured")
    line = outcome.data["escapes"][0] + np.log(distances[0] / distances) / A
    escape.semilogx(distances, line, "--", color="0.3", label="slope ln(1/ε)/a")
    escape.set(xlabel="distance ε of the start from u = −v", ylabel="time to reach uv = a/2")
    escape.set_title("Near the saddle, time is the logarithm of luck", fontsize=10)
    escape.legend(frameon=False, fontsize=8)
    return figure


def closed_form(t: NDArray[Any], a: float, c: float) -> NDArray[Any]:
    """Return x(t) of the balanced flow from x(0) = c."""
    grown = c * np.exp(2 * a * t)
    return a * grown / (grown + a - c)


def _step(point: NDArray[Any], eta: float) -> NDArray[Any]:
    """One step of descent on points (..., 2): delta = uv − a, u ← u − eta delta v, v ← v − eta delta u."""
    delta = point[..., :1] * point[..., 1:] - A
    return point - eta * delta * point[..., ::-1]


def _path(start: NDArray[Any], eta: float, steps: int) -> NDArray[Any]:
    path = [start]
    for _ in range(steps):
        path.append(_step(path[-1], eta))
    return np.array(path)


def _balanced(eta: float) -> NDArray[Any]:
    path = _path(np.full(2, np.sqrt(SMALL)), eta, round(TIME / eta))
    return np.asarray(path[:, 0] * path[:, 1])


def _error(eta: float) -> float:
    x = _balanced(eta)
    return float(np.abs(x - closed_form(eta * np.arange(len(x)), A, SMALL)).max())


def _ends(starts: NDArray[Any], eta: float) -> NDArray[np.bool_]:
    """Return which starts have reached uv = a after a long time."""
    end = _path(starts, eta, 4000)[-1]
    return np.asarray(np.abs(end[:, 0] * end[:, 1] - A) < 1e-6)


def _drift(starts: NDArray[Any]) -> float:
    """Return the order in the step of the change of u² − v² over a fixed time."""
    changes = []
    for eta in (0.01, 0.005):
        path = _path(starts, eta, round(TIME / eta))
        kept = path[..., 0] ** 2 - path[..., 1] ** 2
        changes.append(np.abs(kept[-1] - kept[0]).mean())
    return float(np.log2(changes[0] / changes[1]))


def _escape(distance: float) -> float:
    """Return the time from (1 + distance, −1) until uv = a / 2, a start so far from the line that ends at the
    saddle."""
    point, eta = np.array([1 + distance, -1.0]), 0.005
    for k in range(100_000):
        if point[0] * point[1] >= A / 2:
            return k * eta
        point = _step(point, eta)
    return np.inf
