"""A convolution of a shifted image is the shifted convolution; a dense layer knows nothing of that.

Where the border is left out, equality holds for every shift; after pooling with stride 2, for even ones
only; after averaging over all places, the result does not change at all. A local layer without sharing gives
something else.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.nn import Tensor, layers, no_grad

TITLE = "Shift equivariance of convolutions, with and without pooling"
SHIFTS = tuple(range(7))
SIZE, BORDER = 32, 8  # of the images; and what is left out on each side
EXACT = 1e-5  # relative: rounding of sums in another order


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Shift images along a row, and compare the shifted outputs with outputs of the shifted."""
    images = 4 if quick else 32
    rng = np.random.default_rng(seed)
    x = _blobs(images, rng)
    conv = layers.Conv2d(1, 4, 5, padding=2, random_state=seed)
    local = layers.LocallyConnected2d(1, 4, (SIZE, SIZE), 5, padding=2, random_state=seed)
    pool = layers.Sequential(conv, layers.MaxPool2d(2))
    errors: dict[str, list[float]] = {name: [] for name in ("convolution", "pooled", "local", "averaged")}
    with no_grad():
        for shift in SHIFTS:
            errors["convolution"].append(_error(conv, x, shift, 1))
            errors["pooled"].append(_error(pool, x, shift, 2))
            errors["local"].append(_error(local, x, shift, 1))
            means = [_run(conv, image).mean(axis=(2, 3)) for image in (x, np.roll(x, shift, axis=3))]
            errors["averaged"].append(float(np.abs(means[0] - means[1]).max() / np.abs(means[0]).max()))
    even, odd = list(range(0, len(SHIFTS), 2)), list(range(1, len(SHIFTS), 2))
    pooled = np.array(errors["pooled"])
    checks = [
        Check.at_most("convolution: largest relative error of any shift", max(errors["convolution"]), EXACT),
        Check.at_most("pooled with stride 2: even shifts", float(pooled[even].max()), EXACT),
        Check.at_least("pooled with stride 2: odd shifts", float(pooled[odd].min()), 0.01),
        Check.at_least("local weights, any shift but none", float(min(errors["local"][1:])), 0.1),
        Check.at_most("averaged over all places: change", max(errors["averaged"]), 1e-4),
    ]
    rows = [(shift, *(f"{errors[name][i]:.1e}" for name in errors)) for i, shift in enumerate(SHIFTS)]
    pictures = {
        "image": x[0, 0],
        "shifted": np.roll(x, 6, axis=3)[0, 0],
        "map": _run(conv, x)[0, 0],
        "map of the shifted": _run(conv, np.roll(x, 6, axis=3))[0, 0],
    }
    return Outcome(
        checks, [Table("Relative error", ("shift", *errors), rows)], {"errors": errors, **pictures}
    )


def _blobs(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return images of a few Gaussian spots in the middle, so that shifting rolls in nothing but zeros."""
    places = np.arange(SIZE)
    x = np.zeros((n, 1, SIZE, SIZE), np.float32)
    for image in x[:, 0]:
        for row, column, width in rng.uniform((10, 10, 1), (22, 16, 2), (4, 3)):
            spot = np.exp(-((places - row) ** 2)[:, None] / width**2 - (places - column) ** 2 / width**2)
            image += np.where(spot > 1e-3, spot, 0).astype(np.float32)
    return x


def _run(layer: Any, x: NDArray[np.float32]) -> NDArray[Any]:
    return np.asarray(layer(Tensor(x)))


def _error(layer: Any, x: NDArray[np.float32], shift: int, stride: int) -> float:
    """Return how far layer(shifted x) is from shifted layer(x) inside the border, relative to the latter."""
    out, moved = _run(layer, x), _run(layer, np.roll(x, shift, axis=3))
    expected = np.roll(out, shift // stride, axis=3)
    inside = slice(BORDER // stride, -(BORDER // stride))
    difference = (moved - expected)[:, :, inside, inside]
    return float(np.linalg.norm(difference) / np.linalg.norm(expected[:, :, inside, inside]))


def draw(outcome: Outcome) -> Any:
    """An image and its map beside the shifted ones; the errors against the shift."""
    figure, (*pictures, axes) = new_figure(13.5, 3.2, columns=5, width_ratios=(1, 1, 1, 1, 1.7))
    for panel, name in zip(pictures, ("image", "shifted", "map", "map of the shifted"), strict=True):
        panel.imshow(outcome.data[name], cmap="gray")
        panel.set(title=name, xticks=[], yticks=[])
        panel.grid(False)
    styles = {"convolution": "o", "pooled": "s", "local": "^"}
    for (name, style), color in zip(styles.items(), COLORS, strict=True):
        axes.semilogy(SHIFTS, np.maximum(outcome.data["errors"][name], 1e-8), style, color=color, label=name)
    axes.set(xlabel="shift, pixels", ylabel="relative error (1e-8: none)", title="f(shift x) − shift f(x)")
    axes.set_ylim(1e-9, 1e3)
    axes.legend(frameon=False, fontsize=8, loc="upper right", ncols=3)
    return figure
