"""Pooling layers hand their options on."""

import numpy as np
import pytest

from eckart.nn import functional as F
from eckart.nn import layers

CASES = [
    (layers.MaxPool2d(3, 2, 1, 2, True), F.max_pool2d, (3, 2, 1, 2, True), 4),
    (layers.MaxPool1d(3, 2), F.max_pool1d, (3, 2), 3),
    (layers.AvgPool2d((2, 3), 1, 1, True, False), F.avg_pool2d, ((2, 3), 1, 1, True, False), 4),
    (layers.AvgPool1d(2), F.avg_pool1d, (2,), 3),
    (layers.AdaptiveAvgPool2d((2, 3)), F.adaptive_avg_pool2d, ((2, 3),), 4),
    (layers.AdaptiveAvgPool1d(3), F.adaptive_avg_pool1d, (3,), 3),
]


@pytest.mark.parametrize(("layer", "function", "options", "axes"), CASES)
def test_same_as_the_function(layer, function, options, axes):
    """An option in the wrong place would still give an image."""
    x = np.random.default_rng(0).normal(size=(2, 3, 9, 8)[:axes]).astype(np.float32)
    np.testing.assert_array_equal(layer(x).data, function(x, *options).data)


def test_errors():
    """Named at construction, before any data comes."""
    with pytest.raises(ValueError, match="kernel_size: expected an integer >= 1, got 0"):
        layers.MaxPool2d(0)
    with pytest.raises(ValueError, match=r"stride: expected a number or 1, got \(1, 2\)"):
        layers.AvgPool1d(3, (1, 2))
    with pytest.raises(ValueError, match="ceil_mode: expected True or False, got 1"):
        layers.MaxPool2d(2, 2, 0, 1, 1)
    assert layers.MaxPool2d(3).stride == (3, 3)
