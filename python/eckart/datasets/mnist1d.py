"""MNIST-1D, made by the package `mnist1d`."""

import random

import numpy as np

from eckart.base.errors import EckartError
from eckart.datasets.digits import Digits


def make_mnist1d() -> Digits:
    """Return 4,000 + 1,000 sequences of 40 numbers, each a digit's stroke, shifted, sheared and noisy.

    x_train, x_test are (n, 40) float32 with mean 0 and deviation 1. They are the package's with its default
    arguments, the same each time (Greydanus and Kobak, "Scaling down deep learning with MNIST-1D", ICML
    2024). Raises EckartError without the package.
    """
    try:
        from mnist1d.data import make_dataset
    except ImportError:
        raise EckartError('MNIST-1D is made by the package mnist1d: pip install "eckart[demo]"') from None
    kept = np.random.get_state(), random.getstate()  # noqa: NPY002 (the package seeds the global streams)
    try:
        made = make_dataset()
    finally:
        np.random.set_state(kept[0])  # noqa: NPY002
        random.setstate(kept[1])
    x, y = ([made[name + part] for part in ("", "_test")] for name in ("x", "y"))
    return Digits(
        x[0].astype(np.float32), y[0].astype(np.int64), x[1].astype(np.float32), y[1].astype(np.int64)
    )
