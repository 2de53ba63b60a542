"""The lecture's image filters: a kernel slid over a picture blurs it, sharpens it, or finds its edges.

What each must do is known: a blur keeps the mean and takes variance away, two Gaussian blurs are one of the
summed variances, derivatives see nothing in an even picture and the slope in a ramp, the Laplacian 2 in the
square of a coordinate. Convolution turns the kernel round, correlation does not.
"""

from typing import Any

import numpy as np

from eckart.evaluation.figure import new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.nn.functional import FILTERS, filter2d, gaussian_kernel

TITLE = "Image filters: blur, sharpen, edges; correlation and convolution"
SHOWN = ("identity", "box", "gaussian", "sharpen", "sobel_x", "sobel_y", "laplace", "edges")


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Filter a picture with every kernel, and patterns whose answer is known."""
    size = 64 if quick else 128
    image = _picture(size, seed)
    place = np.arange(float(size))
    ramp, bowl = np.tile(place, (size, 1)), np.tile(place**2, (size, 1))
    inside = (slice(12, -12), slice(12, -12))
    odd = np.random.default_rng(seed).standard_normal((3, 3))
    twice = filter2d(filter2d(image, gaussian_kernel(1.5)), gaussian_kernel(2.0))
    once = filter2d(image, gaussian_kernel(2.5))
    turned = filter2d(image, odd[::-1, ::-1], mode="correlate") - filter2d(image, odd, mode="convolve")
    impulse = np.zeros((7, 7))
    impulse[3, 3] = 1
    flat = [np.abs(filter2d(np.ones((20, 20)), name)).max() for name in ("sobel_x", "laplace", "edges")]
    mean = filter2d(image, "box", border="wrap").mean()
    echo = filter2d(impulse, odd, mode="convolve")[2:5, 2:5]
    checks = [
        Check.at_most("sobel, laplace, edges of an even picture", float(max(flat)), 1e-12),
        Check.close("sobel_x of a ramp: 8 times its slope", filter2d(ramp, "sobel_x")[inside].mean(), 8.0),
        Check.close("laplace of x²", filter2d(bowl, "laplace")[inside].mean(), 2.0),
        Check.close("box: the mean stays", mean, image.mean()),
        Check.at_most("gaussian: variance left", filter2d(image, "gaussian").var() / image.var(), 0.99),
        Check.at_most(
            "blurs of 1.5 and 2 less one of 2.5", np.abs(twice - once)[inside].max() / image.std(), 0.02
        ),
        Check.at_most("convolving less correlating with the kernel turned", np.abs(turned).max(), 1e-12),
        Check.at_most("convolving an impulse gives the kernel: difference", np.abs(echo - odd).max(), 1e-12),
    ]
    pictures = {name: filter2d(image, name) for name in SHOWN}
    rows = [
        (name, f"{FILTERS[name].sum():.3g}", f"{p.mean():.3f}", f"{p.std():.3f}")
        for name, p in pictures.items()
    ]
    table = Table("The picture, filtered", ("kernel", "its sum", "mean", "deviation"), rows)
    return Outcome(checks, [table], {"pictures": pictures})


def _picture(size: int, seed: int) -> Any:
    """Return a grey picture in [0, 1]: a disc, a square, stripes and a little noise."""
    y, x = np.mgrid[:size, :size] / size
    image = 0.25 + 0.2 * x
    image[(x - 0.32) ** 2 + (y - 0.35) ** 2 < 0.045] = 0.95
    image[(np.abs(x - 0.7) < 0.16) & (np.abs(y - 0.3) < 0.16)] = 0.05
    stripes = (y > 0.68) & (y < 0.92) & (x > 0.1) & (x < 0.9)
    image[stripes] = 0.5 + 0.4 * np.sign(np.sin(90 * x[stripes] * (0.4 + x[stripes])))
    noise = np.random.default_rng(seed).standard_normal(image.shape)
    return np.clip(image + 0.02 * noise, 0, 1)


def draw(outcome: Outcome) -> Any:
    """The picture under every filter."""
    figure, panels = new_figure(9, 4.8, columns=len(SHOWN) // 2, rows=2)
    for panel, (name, picture) in zip(panels, outcome.data["pictures"].items(), strict=True):
        signed = abs(float(FILTERS[name].sum())) < 1e-9
        reach = float(np.abs(picture).max())
        options = (
            {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach}
            if signed
            else {"cmap": "gray", "vmin": 0, "vmax": 1}
        )
        panel.imshow(picture, **options)
        panel.set(title=name.replace("_", " "), xticks=[], yticks=[])
        panel.grid(False)
    return figure
