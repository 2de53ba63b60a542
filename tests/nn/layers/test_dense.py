"""The dense layer."""

import numpy as np
import pytest

from eckart.nn import layers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_product_and_bias(dtype):
    """x W' + b, for any number of leading axes."""
    layer = layers.Linear(3, 5, random_state=0).to(dtype)
    x = np.random.default_rng(0).normal(size=(2, 7, 3)).astype(dtype)
    expected = x @ layer.weight.data.T + layer.bias.data
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-5)
    assert layer(x).dtype == dtype
    assert layers.Linear(3, 5, bias=False).bias is None
    assert np.abs(layer.weight.data).max() <= 1 / np.sqrt(3)


def test_errors():
    """Sizes that cannot be meant."""
    with pytest.raises(ValueError, match="in_features: expected an integer >= 1, got 0"):
        layers.Linear(0, 2)
    with pytest.raises(ValueError, match="linear: weight"):
        layers.Linear(3, 2)(np.ones((2, 4), np.float32))


def test_activation_in_the_same_pass():
    """LeNet and the like save a sweep over memory; the numbers must be those of the two layers."""
    layer, x = layers.Linear(3, 5, random_state=0), np.random.default_rng(0).normal(size=(7, 3))
    for name, function in (("relu", layers.ReLU()), ("tanh", layers.Tanh()), ("sigmoid", layers.Sigmoid())):
        x32 = x.astype(np.float32)
        np.testing.assert_allclose(layer(x32, name).data, function(layer(x32)).data, rtol=1e-5, atol=1e-6)
