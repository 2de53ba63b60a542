"""Optimisers against their bounds: on quadratics, on a function that is not convex, and without convexity.

Of an L-smooth loss, gradient descent with step 1/L loses in each step at least |gradient|² / 2L. With the
Polyak–Łojasiewicz condition |gradient|² >= 2 μ (ℓ − ℓ*), convex or not, the gap falls like (1 − μ/L)^k
(Karimi, Nutini and Schmidt 2016); without it, some gradient is below ε after 2L (ℓ₀ − ℓ*) / ε² steps. On
quadratics of condition κ = L/μ, heavy ball and Nesterov's method need of the order of √κ steps where gradient
descent needs κ.
On a bilinear game, gradient descent runs away from the saddle and extragradient reaches it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.nn import Tensor, ops, optim

TITLE = "Optimisers against their bounds: quadratics, Polyak–Łojasiewicz, saddles"
SIZE = 20
CONDITIONS = (10.0, 100.0, 1000.0)
REACHED = 1e-6  # of the first gap
SMOOTH = 2.0  # L of x² / (1 + x²)
PL_MU, PL_L = 1 / 32, 8.0  # of x² + 3 sin² x
RATE, TURNS = 0.2, 200  # of the game


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Run every method where its bound is known."""
    rng = np.random.default_rng(seed)
    conditions = CONDITIONS[:2] if quick else CONDITIONS
    counts: dict[str, list[int]] = {name: [] for name in METHODS}
    checks, curves = [], {}
    for kappa in conditions:
        curvatures, start = np.geomspace(1 / kappa, 1, SIZE), rng.standard_normal(SIZE)
        for name, make in METHODS.items():
            gaps = _descend(
                lambda x, c=curvatures: (x * x * c).sum() * 0.5, start, make(kappa), int(12 * kappa) + 300
            )
            counts[name].append(int(np.argmax(gaps < REACHED * gaps[0])))
            curves[name, kappa] = gaps / gaps[0]
        gd = curves["gradient descent", kappa]
        steps = np.arange(len(gd))
        worst = float(np.max(gd[gd > 1e-14] / (1 - 1 / kappa) ** steps[gd > 1e-14]))
        checks.append(Check.at_most(f"κ = {kappa:g}: gap over (1 − μ/L)^k", worst, 1.0 + 1e-9))
    powers = {n: float(np.polyfit(np.log(conditions), np.log(c), 1)[0]) for n, c in counts.items()}
    predicted = {"gradient descent": 1.0, "heavy ball": 0.5, "Nesterov": 0.5}
    checks += [
        Check.close(f"{name}: steps grow with κ to the power", powers[name], power, 0.25)
        for name, power in predicted.items()
    ]
    pl, smooth = _not_convex(rng)
    checks += [
        Check.at_most("x² + 3 sin² x: gap over (1 − μ/L)^k", pl, 1.0 + 1e-9),
        Check.at_most("least |gradient|² over 2L (ℓ₀ − ℓ*) / k", smooth, 1.0),
    ]
    games = {name: _game(make, rng) for name, make in GAMES.items()}
    growth = float(games["gradient descent"][TURNS] / games["gradient descent"][0])
    shrinkage = (1 - RATE**2 + RATE**4) ** (TURNS / 2)
    checks += [
        Check.close("bilinear game: gradient descent grows by", growth, (1 + RATE**2) ** (TURNS / 2), 1e-6),
        Check.close(
            "bilinear game: extragradient shrinks by",
            float(games["extragradient"][TURNS] / games["extragradient"][0]), shrinkage, 1e-6,
        ),
    ]  # fmt: skip
    rows = [(name, *c, f"{powers[name]:.2f}", predicted[name]) for name, c in counts.items()]
    columns = ("method", *(f"κ = {k:g}" for k in conditions), "power of κ", "predicted")
    data = {"curves": curves, "kappa": conditions[-1], "games": games}
    return Outcome(checks, [Table(f"Steps until the gap is {REACHED:g} of the first", columns, rows)], data)


Make = Callable[[list[Tensor]], optim.Optimizer]

# From κ (L = 1, μ = 1/κ) to the optimiser with the settings of its theorem.
METHODS: dict[str, Callable[[float], Make]] = {
    "gradient descent": lambda kappa: lambda params: optim.GradientDescent(params, lr=1.0),
    "heavy ball": lambda kappa: (
        lambda params: optim.HeavyBall(
            params, lr=4 / (1 + kappa**-0.5) ** 2, momentum=((kappa**0.5 - 1) / (kappa**0.5 + 1)) ** 2
        )
    ),
    "Nesterov": lambda kappa: (
        lambda params: optim.Nesterov(params, lr=1.0, momentum=(kappa**0.5 - 1) / (kappa**0.5 + 1))
    ),
}
GAMES: dict[str, Make] = {
    "gradient descent": lambda params: optim.GradientDescent(params, lr=RATE),
    "extragradient": lambda params: optim.Extragradient(params, lr=RATE),
}


def _descend(loss: Callable[[Tensor], Tensor], start: NDArray[Any], make: Make, steps: int) -> NDArray[Any]:
    """Return the losses of float64 descent at the start and after each step."""
    x = Tensor(start.copy(), requires_grad=True)
    optimizer, losses = make([x]), []
    for _ in range(steps + 1):
        value = loss(x)
        losses.append(value.item())
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return np.array(losses)


def _not_convex(rng: np.random.Generator) -> tuple[float, float]:
    """Return how near descent comes to its bounds, as shares: under the PL condition, and without."""
    start = rng.uniform(-6, 6, SIZE)
    gaps = _descend(lambda x: (x * x + 3 * ops.sin(x) ** 2).sum(), start, _plain(1 / PL_L), 400)
    steps = np.arange(len(gaps))
    alive = gaps > 1e-12
    pl = float(np.max(gaps[alive] / gaps[0] / (1 - PL_MU / PL_L) ** steps[alive]))
    losses = _descend(lambda x: (x * x / (1 + x * x)).sum(), start, _plain(1 / SMOOTH), 400)
    x, best = start.copy(), []
    for _ in range(400):
        gradient = 2 * x / (1 + x * x) ** 2
        best.append(float(gradient @ gradient))
        x = x - gradient / SMOOTH
    bounds = 2 * SMOOTH * losses[0] / np.arange(1, len(best) + 1)
    return pl, float(np.max(np.minimum.accumulate(best) / bounds))


def _plain(lr: float) -> Make:
    return lambda params: optim.GradientDescent(params, lr=lr)


def _game(make: Make, rng: np.random.Generator) -> NDArray[Any]:
    """Return the distances from the saddle of min over x, max over y of x y, along simultaneous steps."""
    x, y = (Tensor(np.array([v]), requires_grad=True) for v in (1.0, 1.0))
    optimizer, distances = make([x, y]), []
    for _ in range(TURNS + 1):
        distances.append(float(np.hypot(x.data[0], y.data[0])))
        _play(optimizer, x, y)
        if isinstance(optimizer, optim.Extragradient):
            optimizer.extrapolate()
            _play(optimizer, x, y)
        optimizer.step()
    return np.array(distances)


def _play(optimizer: optim.Optimizer, x: Tensor, y: Tensor) -> None:
    """Set the gradients with which both descend: x on x y, y on - x y."""
    optimizer.zero_grad()
    (x * y.detach() - x.detach() * y).sum().backward()


def draw(outcome: Outcome) -> Any:
    """Gaps on the worst quadratic beside the bounds; distances from the saddle of the game."""
    kappa = outcome.data["kappa"]
    figure, (left, right) = new_figure(10, 3.8, columns=2)
    for name, color in zip(METHODS, COLORS, strict=True):
        gaps = outcome.data["curves"][name, kappa]
        left.loglog(gaps, color=color, label=name)
    steps = np.arange(len(gaps))
    left.loglog((1 - 1 / kappa) ** steps, color=COLORS[0], linestyle=":", label="(1 − μ/L)^k")
    left.loglog((1 - kappa**-0.5) ** steps, color=COLORS[2], linestyle=":", label="(1 − √(μ/L))^k")
    left.set(xlabel="step k", ylabel="gap / first gap", ylim=(1e-12, 1e2), title=f"Quadratic, κ = {kappa:g}")
    left.legend(frameon=False, fontsize=8)
    for (name, distances), color in zip(outcome.data["games"].items(), (COLORS[0], COLORS[1]), strict=True):
        right.semilogy(distances, color=color, label=name)
    right.set(xlabel="step", ylabel="distance from the saddle", title="min over x, max over y of x y")
    right.legend(frameon=False, fontsize=8)
    return figure
