"""Convolution layers: shapes, options handed on, errors."""

import numpy as np
import pytest

from eckart.nn import functional as F
from eckart.nn import layers


def draws(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_options_reach_the_function():
    """A stride that stayed behind in the layer would still give some image."""
    layer = layers.Conv2d(
        4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, random_state=0
    )
    assert layer.weight.shape == (6, 2, 3, 2)
    x = draws(2, 4, 9, 8)
    expected = F.conv2d(x, layer.weight, layer.bias, (2, 1), (1, 0), (1, 2), 2)
    np.testing.assert_array_equal(layer(x).data, expected.data)
    layer = layers.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2, random_state=0)
    assert layer.weight.shape == (4, 3, 3, 3)
    expected = F.conv_transpose2d(x, layer.weight, layer.bias, 2, 1, 1, 2)
    np.testing.assert_array_equal(layer(x).data, expected.data)


def test_one_axis():
    """Sequences have kernels of one axis."""
    x = draws(2, 3, 11)
    layer = layers.Conv1d(3, 5, 3, padding="same", random_state=0)
    assert layer.weight.shape == (5, 3, 3)
    assert layer(x).shape == (2, 5, 11)
    layer = layers.ConvTranspose1d(3, 5, 4, stride=2, bias=False, random_state=0)
    assert layer.weight.shape == (3, 5, 4)
    assert layer.bias is None
    assert layer(x).shape == (2, 5, 24)


def test_multiply_adds():
    """Work is counted on the side where the kernels sit; groups divide it."""
    layer = layers.Conv2d(4, 6, 3, groups=2, random_state=0)
    assert layer.multiply_adds((1, 4, 8, 8), (1, 6, 6, 6)) == 6 * 36 * 2 * 9
    layer = layers.ConvTranspose1d(3, 5, 4, random_state=0)
    assert layer.multiply_adds((1, 3, 7), (1, 5, 10)) == 3 * 7 * 5 * 4


def test_errors():
    """Named at construction, before any data comes."""
    with pytest.raises(ValueError, match="groups: expected a divisor of 3 and 4 channels, got 2"):
        layers.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match="kernel_size: expected a number or 2"):
        layers.Conv2d(3, 4, (3, 3, 3))
    with pytest.raises(ValueError, match="stride: expected an integer >= 1"):
        layers.Conv1d(3, 4, 3, stride=0)
    with pytest.raises(ValueError, match="padding: expected one of 'valid', 'same', got 'full'"):
        layers.Conv2d(3, 4, 3, padding="full")
    with pytest.raises(ValueError, match=r"padding: expected numbers for a stride of \(2,\), got 'same'"):
        layers.Conv1d(3, 4, 3, 2, "same")
    with pytest.raises(ValueError, match="padding: expected numbers, got 'same'"):
        layers.ConvTranspose1d(3, 4, 3, padding="same")
