"""Image filters, as the lecture on convolution shows them: a small kernel slid over an image."""

from typing import Any

import numpy as np

from eckart.base.validation import check_option
from eckart.nn.tensor import Array

__all__ = ["FILTERS", "filter2d", "gaussian_kernel"]

_SMOOTH, _SLOPE = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
_BORDERS = {"zero": "constant", "edge": "edge", "reflect": "reflect", "wrap": "wrap"}


def gaussian_kernel(sigma: float, radius: int | None = None) -> Array:
    """Return the normal density on a grid, summing to one, (2 radius + 1)² with radius 3 sigma rounded up."""
    if not sigma > 0:
        raise ValueError(f"sigma: expected a number > 0, got {sigma}")
    radius = int(np.ceil(3 * sigma)) if radius is None else radius
    line = np.exp(-np.square(np.arange(-radius, radius + 1) / sigma) / 2)
    return np.outer(line, line) / line.sum() ** 2


FILTERS: dict[str, Array] = {  # for mode="correlate": slopes are positive where the image grows
    "identity": np.outer([0, 1, 0], [0.0, 1, 0]),
    "box": np.full((3, 3), 1 / 9),
    "gaussian": gaussian_kernel(1.0),
    "sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "laplace": np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "edges": np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "sobel_x": np.outer(_SMOOTH, _SLOPE),
    "sobel_y": np.outer(_SLOPE, _SMOOTH),
    "prewitt_x": np.outer(np.ones(3), _SLOPE),
    "prewitt_y": np.outer(_SLOPE, np.ones(3)),
}


def filter2d(image: Any, kernel: Any, mode: str = "correlate", border: str = "reflect") -> Array:
    """Return the image filtered, of its shape and float type (integers become float64).

    image : (h, w) or (h, w, channels), each channel for itself
    kernel : (kh, kw), or a name in FILTERS; over out[i, j] stands kernel[kh // 2, kw // 2]
    mode : "correlate", the sum of image[i + a, j + b] kernel[a, b], or "convolve", of image[i - a, j - b]
        kernel[a, b]: the kernel turned by half a circle
    border : what stands outside: "reflect" (the image mirrored at its outermost pixels), "edge" (these
        repeated), "wrap" (the opposite side), "zero"

    Raises ValueError for other shapes, and KeyError for an unknown name.
    """
    pixels = np.asarray(image)
    if isinstance(kernel, str) and kernel not in FILTERS:
        raise KeyError(f"kernel: expected one of {', '.join(FILTERS)}, got {kernel!r}")
    weights = np.asarray(FILTERS[kernel] if isinstance(kernel, str) else kernel)
    if pixels.ndim not in (2, 3) or weights.ndim != 2 or 0 in pixels.shape + weights.shape:
        raise ValueError(
            f"filter2d: expected an image (h, w) or (h, w, c) and a kernel (kh, kw), got {pixels.shape} and "
            f"{weights.shape}"
        )
    check_option(mode, "mode", ("correlate", "convolve"))
    check_option(border, "border", tuple(_BORDERS))
    pixels = pixels if pixels.dtype.kind == "f" else pixels.astype(np.float64)
    before = [n // 2 for n in weights.shape]
    if mode == "convolve":
        weights, before = weights[::-1, ::-1], [n - 1 - b for n, b in zip(weights.shape, before, strict=True)]
    widths = [(b, n - 1 - b) for n, b in zip(weights.shape, before, strict=True)]
    padded = np.pad(pixels, [*widths, (0, 0)][: pixels.ndim], mode=_BORDERS[border])  # type: ignore[call-overload]
    h, w = pixels.shape[:2]
    out = np.zeros_like(pixels)
    for a, b in np.ndindex(*weights.shape):
        if weights[a, b]:
            out += pixels.dtype.type(weights[a, b]) * padded[a : a + h, b : b + w]
    return out
