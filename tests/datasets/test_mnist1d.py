"""MNIST-1D from its package."""

import random
import sys

import numpy as np
import pytest

from eckart.base.errors import EckartError
from eckart.datasets import make_mnist1d


def test_mnist1d():
    """4,000 and 1,000 sequences, the same each time; the caller's random streams go on as they would."""
    pytest.importorskip("mnist1d", reason="mnist1d (extra 'demo') is not installed")
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    expected = np.random.random(), random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    digits = make_mnist1d()
    assert (np.random.random(), random.random()) == expected  # noqa: NPY002
    assert digits.x_train.shape == (4000, 40)
    assert digits.x_test.shape == (1000, 40)
    assert digits.x_train.dtype == np.float32
    whole = np.concatenate([digits.x_train, digits.x_test])
    assert (whole.mean(), whole.std()) == pytest.approx((0, 1), abs=1e-5)
    counts = np.bincount(np.concatenate([digits.y_train, digits.y_test]))
    assert np.array_equal(counts, [500] * 10)
    assert np.array_equal(make_mnist1d().x_test, digits.x_test)


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    """The package is an extra: its absence is no traceback."""
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    monkeypatch.setitem(sys.modules, "mnist1d", None)
    with pytest.raises(EckartError, match=r'pip install "eckart\[demo\]"'):
        make_mnist1d()
