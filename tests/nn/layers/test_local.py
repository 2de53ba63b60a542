"""Locally connected layers."""

import numpy as np
import pytest

from eckart.nn import functional as F
from eckart.nn import layers


def test_options_reach_the_function():
    """Weights for every place: a wrong count of places would fail only when data comes."""
    layer = layers.LocallyConnected2d(2, 3, (7, 6), (3, 2), (2, 1), (1, 0), (1, 2), random_state=0)
    assert layer.weight.shape == (4, 4, 3, 2, 3, 2)
    assert layer.bias.shape == (4, 4, 3)
    x = np.random.default_rng(0).normal(size=(2, 2, 7, 6)).astype(np.float32)
    expected = F.local2d(x, layer.weight, layer.bias, (2, 1), (1, 0), (1, 2))
    np.testing.assert_array_equal(layer(x).data, expected.data)
    assert layer.multiply_adds(x.shape, expected.shape) == 2 * 4 * 4 * 3 * 2 * 6
    assert np.abs(layer.weight.data).max() <= 1 / np.sqrt(2 * 6)


def test_one_axis_without_bias():
    """Sequences, and the count of parameters that lectures compare: 3 n without padding's two ends."""
    layer = layers.LocallyConnected1d(1, 1, 10, 3, padding=1, bias=False, random_state=0)
    assert layer(np.ones((2, 1, 10), np.float32)).shape == (2, 1, 10)
    assert layer.weight.size == 30
    assert layer.bias is None


def test_errors():
    """A kernel larger than the image, a size too many."""
    with pytest.raises(ValueError, match="kernel_size: expected at most"):
        layers.LocallyConnected1d(1, 1, 4, 3, dilation=2)
    with pytest.raises(ValueError, match="input_size: expected a number or 2"):
        layers.LocallyConnected2d(1, 1, (4, 4, 4), 3)
