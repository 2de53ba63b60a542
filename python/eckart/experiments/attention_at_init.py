"""What 1/√D does in attention: without it, softmax is saturated before training has begun.

Of independent normal queries and keys the products have variance D, so that unscaled logits grow with √D.
Then the largest takes all: the entropy of the weights falls from nearly ln T to nearly 0, and with it the
derivative of softmax, of which no entry is larger than p (1 - p). Scaled logits have variance 1 whatever D
is: for T large the entropy is ln T - 1/2 (the mean of x under exp(x) φ(x) is 1, the logarithm of the sum of
exp(x) ln T + 1/2).
(Vaswani et al., "Attention is all you need", 2017, section 3.2.1.)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.nn import Tensor, functional, grad

TITLE = "Attention at initialisation: what 1/√D does"
WIDTHS = (4, 16, 64, 256, 1024)
KEYS = 256  # T
SCALES = {"q'k / √D": lambda d: d**-0.5, "q'k": lambda d: 1.0}


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Measure logits, entropy and gradients over the width of queries and keys."""
    queries = 200 if quick else 2000
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in SCALES}
    for d in WIDTHS:
        q, k = rng.standard_normal((queries, d)), rng.standard_normal((KEYS, d))
        for name, scale in SCALES.items():
            found[name].append(_measure(scale(d) * (q @ k.T), rng))
    scaled, raw = (np.array(found[name]) for name in SCALES)
    checks = [
        *(
            Check.close(f"D = {d}: variance of q'k", float(v), float(d), 0.15)
            for d, v in zip(WIDTHS, raw[:, 0], strict=True)
        ),
        *(
            Check.close(f"D = {d}: variance scaled", float(v), 1.0, 0.15)
            for d, v in zip(WIDTHS, scaled[:, 0], strict=True)
        ),
        Check.close("scaled: entropy at the largest D", float(scaled[-1, 1]), np.log(KEYS) - 0.5, 0.02),
        Check.at_most("not scaled: entropy at the largest D", float(raw[-1, 1]), 0.2 * np.log(KEYS)),
        Check.at_least("gradient at the largest D, scaled over not", float(scaled[-1, 2] / raw[-1, 2]), 2.0),
    ]
    rows = [
        (d, *(f"{found[name][i][column]:.3g}" for column in range(3) for name in SCALES))
        for i, d in enumerate(WIDTHS)
    ]
    heads = [f"{what}, {name}" for what in ("variance", "entropy", "gradient") for name in SCALES]
    data = {"scaled": scaled, "raw": raw}
    return Outcome(checks, [Table(f"{KEYS} keys", ("D", *heads), rows)], data)


def _measure(logits: NDArray[Any], rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the variance of the logits, the mean entropy of their softmax, and the median norm of the
    gradient that reaches the logits of a row from a gradient of norm 1 in random direction."""
    x = Tensor(logits, requires_grad=True)
    weights = functional.softmax(x, axis=-1)
    p = weights.numpy()
    entropy = float(np.mean(-np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1)))
    towards = rng.standard_normal(p.shape)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    (back,) = grad(weights, [x], towards)
    return float(logits.var()), entropy, float(np.median(np.linalg.norm(back, axis=1)))


def draw(outcome: Outcome) -> Any:
    """Variance, entropy and gradient against the width."""
    figure, panels = new_figure(11, 3.6, columns=3)
    labels = ("variance of the logits", "entropy of the weights", "gradient that passes softmax")
    for column, (axes, label) in enumerate(zip(panels, labels, strict=True)):
        for key, name, color in zip(("scaled", "raw"), SCALES, COLORS, strict=False):
            axes.plot(WIDTHS, outcome.data[key][:, column], "o-", color=color, label=name)
        axes.set(xscale="log", xlabel="width D of queries and keys", ylabel=label)
    panels[0].set_yscale("log")
    panels[2].set_yscale("log")
    panels[1].axhline(np.log(KEYS), color="0.5", linestyle=":", linewidth=1)
    panels[1].text(WIDTHS[0], np.log(KEYS) - 0.35, "ln T: all keys alike", color="0.4", fontsize=8)
    panels[1].set_ylim(0, None)
    panels[0].legend(frameon=False)
    return figure
