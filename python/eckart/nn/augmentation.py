"""Random changes of images that leave their class as it is, for a whole batch at once.

Each takes (images, rng) first: images (n, ..., h, w), each changed by draws of its own; rng a generator.
Returned is a new array of the same type. To a Loader: ``augment=[partial(crop, padding=4), flip]``.
"""

import numpy as np

from eckart.nn.tensor import Array


def shift(images: Array, rng: np.random.Generator, pixels: int = 2, fill: float = 0.0) -> Array:
    """Move each image by up to `pixels` in both directions; what comes in is `fill`."""
    return crop(images, rng, pixels, fill)


def crop(images: Array, rng: np.random.Generator, padding: int = 4, fill: float = 0.0) -> Array:
    """Put a margin of `padding` around each image and cut the old size out of it at a random place."""
    if padding < 0 or images.ndim < 3:
        raise ValueError(f"crop: expected images (n, ..., h, w), padding >= 0, got {images.shape}, {padding}")
    n, (h, w) = len(images), images.shape[-2:]
    margins = [(0, 0)] * (images.ndim - 2) + [(padding, padding)] * 2
    wide = np.pad(images, margins, constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (h, w), axis=(-2, -1))
    tops, lefts = rng.integers(0, 2 * padding + 1, (2, n))
    windows = np.moveaxis(windows, (-4, -3), (1, 2))  # (n, tops, lefts, ..., h, w)
    return windows[np.arange(n), tops, lefts]


def flip(images: Array, rng: np.random.Generator, probability: float = 0.5) -> Array:
    """Mirror left and right, each image with this probability."""
    mirrored = rng.random(len(images)) < probability
    return np.where(mirrored.reshape(-1, *[1] * (images.ndim - 1)), images[..., ::-1], images)


def noise(images: Array, rng: np.random.Generator, std: float = 0.1) -> Array:
    """Add Gaussian noise to every number. ValueError for integers, which have no room for it."""
    if images.dtype.kind != "f":
        raise ValueError(f"noise: expected images of floating point, got {images.dtype}")
    return images + np.asarray(std, images.dtype) * rng.standard_normal(images.shape, images.dtype.type)
