"""Networks of one hidden layer approximate what they are asked to: pieces of ReLU, counted.

n ReLU units on a line are a broken line of at most n + 1 pieces. The one through n + 1 even points of a
function with |f''| <= M is off by at most M h² / 8, h = 1/n: twice the units, a quarter of the error. Depth
multiplies pieces: k tents in a row make 2^k of them from 2k units (Telgarsky, "Benefits of depth in neural
networks", 2016).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.nn import Tensor, layers, no_grad, optim
from eckart.nn.functional import mse_loss

TITLE = "Universal approximation: pieces of ReLU networks, written down and trained"
UNITS = (4, 8, 16, 32, 64)
DEPTHS = (1, 2, 3, 4, 5, 6)
GRID = np.linspace(0, 1, 4097)
CURVATURE = (2 * np.pi) ** 2  # the largest |f''|


def target(x: NDArray[Any]) -> NDArray[Any]:
    """The function: one period of a sine on [0, 1]."""
    return np.sin(2 * np.pi * x)


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Write down and train networks of every width; count the pieces of deep ones."""
    written = {n: float(np.abs(_values(_broken_line(n)) - target(GRID)).max()) for n in UNITS}
    fine = [n for n in UNITS if n >= 16]
    slope = float(np.polyfit(np.log(fine), np.log([written[n] for n in fine]), 1)[0])
    checks = [
        *(
            Check.at_most(
                f"{n} units written down: error over M h² / 8", e / (CURVATURE / 8 / n**2), 1 + 1e-4
            )
            for n, e in written.items()
        ),
        Check.close("error falls with the units to the power", slope, -2.0, 0.05),
        *(Check.close(f"pieces of {d} tents in a row", _pieces(_tents(d)), 2**d) for d in DEPTHS),
    ]
    steps = 1000 if quick else 8000
    trained, pictures = {}, {}
    for n in UNITS[:3] if quick else UNITS:
        net = _trained(n, steps, seed)
        trained[n], pictures[n] = float(np.abs(_values(net) - target(GRID)).max()), _values(net)
        checks.append(Check.at_most(f"{n} units trained: pieces", _pieces(net), n + 1))
    first, last = min(trained), max(trained)
    checks.append(
        Check.at_most("trained: error of the widest over the narrowest", trained[last] / trained[first], 1)
    )
    rows = [
        (n, f"{CURVATURE / 8 / n**2:.4f}", f"{e:.4f}", f"{trained[n]:.4f}" if n in trained else "-")
        for n, e in written.items()
    ]
    table = Table("Largest error", ("units", "bound M h² / 8", "written down", "trained"), rows)
    data = {
        "written": written,
        "trained": trained,
        "narrow": pictures[first],
        "line": _values(_broken_line(first)),
    }
    return Outcome(checks, [table], data | {"units": first, "tents": _values(_tents(4))})


def _network(n: int, seed: int = 0) -> layers.Sequential:
    first, second = layers.Linear(1, n, random_state=seed), layers.Linear(n, 1, random_state=seed + 1)
    return layers.Sequential(first, layers.ReLU(), second)


def _set(layer: Any, weight: Any, bias: Any) -> None:
    layer.weight.data[...] = weight
    layer.bias.data[...] = bias


def _broken_line(n: int) -> layers.Sequential:
    """Return the network that equals the target at n + 1 even points and is straight between them."""
    knots = np.arange(n + 1) / n
    slopes = np.diff(target(knots)) * n
    net = _network(n).to(np.float64)
    _set(net[0], np.ones((n, 1)), -knots[:-1])
    _set(net[2], np.diff(slopes, prepend=0)[None], target(knots[:1]))
    return net


def _tents(depth: int) -> layers.Sequential:
    """Return tent(tent(...)), tent(x) = 2 relu(x) - 4 relu(x - 1/2), two units a level."""
    parts: list[Any] = []
    for _ in range(depth):
        net = _network(2).to(np.float64)
        _set(net[0], [[1.0], [1.0]], [0.0, -0.5])
        _set(net[2], [[2.0, -4.0]], [0.0])
        parts += [net]
    return layers.Sequential(*parts)


def _trained(n: int, steps: int, seed: int) -> layers.Sequential:
    net = _network(n, seed).to(np.float64)
    net[0].bias.data[...] = -net[0].weight.data[:, 0] * np.random.default_rng(seed).uniform(0, 1, n)
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    schedule = optim.CosineAnnealingLR(optimizer, steps)
    x = GRID[::16, None]
    y = target(x)
    for _ in range(steps):
        optimizer.zero_grad()
        mse_loss(net(Tensor(x)), Tensor(y)).backward()
        optimizer.step()
        schedule.step()
    return net


def _values(net: Any) -> NDArray[Any]:
    with no_grad():
        return np.asarray(net(Tensor(GRID[:, None])))[:, 0]


def _pieces(net: Any) -> int:
    """Return the number of straight pieces, from where the slope changes between neighbouring places."""
    slopes = np.diff(_values(net)) * (len(GRID) - 1)
    bends = np.abs(np.diff(slopes)) > 1e-6 * np.abs(slopes).max()
    return 1 + int(np.sum(bends & ~np.roll(bends, 1)))  # a bend between two places shows twice


def draw(outcome: Outcome) -> Any:
    """A narrow network, the errors against the units, and the tents."""
    data = outcome.data
    figure, (line, errors, tents) = new_figure(12, 3.6, columns=3)
    line.plot(GRID, target(GRID), color=COLORS[2], linewidth=3, alpha=0.6, label="sin 2πx")
    line.plot(GRID, data["line"], color=COLORS[0], label="written down")
    line.plot(GRID, data["narrow"], "--", color=COLORS[1], label="trained")
    line.set(xlabel="x", ylabel="f(x)", title=f"{data['units']} ReLU units")
    line.legend(frameon=False, fontsize=8)
    units = np.array(list(data["written"]))
    errors.loglog(units, CURVATURE / 8 / units**2, ":", color="0.4", label="bound M h² / 8")
    errors.loglog(units, list(data["written"].values()), "o-", color=COLORS[0], label="written down")
    errors.loglog(
        list(data["trained"]), list(data["trained"].values()), "s--", color=COLORS[1], label="trained"
    )
    errors.set(xlabel="units", ylabel="largest error", title="Width")
    errors.set_xticks(units, [str(n) for n in units])
    errors.minorticks_off()
    errors.legend(frameon=False, fontsize=8)
    tents.plot(GRID, data["tents"], color=COLORS[0])
    tents.set(xlabel="x", ylabel="f(x)", title="Depth: 4 tents of 2 units, 16 pieces")
    return figure
