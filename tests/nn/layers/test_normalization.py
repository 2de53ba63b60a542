"""Normalisation layers against NumPy, and their buffers."""

import numpy as np
import pytest

from eckart.nn import Tensor, layers, no_grad


def draws(*shape):
    return np.random.default_rng(0).normal(2, 3, shape)


def test_batch_norm_trains_measures_and_uses():
    """In use, one example must not depend on its neighbours: running averages stand in."""
    layer, x = layers.BatchNorm2d(3).to(np.float64), draws(8, 3, 4, 5)
    y = layer(x).data
    mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    np.testing.assert_allclose(y, (x - mean[:, None, None]) / np.sqrt(var[:, None, None] + 1e-5), atol=1e-10)
    n = x.size / 3
    np.testing.assert_allclose(layer.running_mean, 0.1 * mean, rtol=1e-6)
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * var * n / (n - 1), rtol=1e-6)
    assert layer.num_batches_tracked == 1
    layer.eval()
    with no_grad():
        np.testing.assert_allclose(layer(x).data[:1], layer(x[:1]).data, atol=1e-12)
    assert layer.num_batches_tracked == 1
    with pytest.raises(ValueError, match=r"x: expected 3 channels in 4 axes, got shape \(2, 3\)"):
        layer(Tensor(np.ones((2, 3))))
    with pytest.raises(ValueError, match=r"x: expected 3 channels in 4 axes, got shape \(2, 4, 5, 5\)"):
        layer(Tensor(np.ones((2, 4, 5, 5))))


def test_the_others():
    """Each by its formula, over the axes it is named for."""
    x = draws(4, 6, 5)
    layer = layers.LayerNorm((6, 5)).to(np.float64)
    flat = x.reshape(4, -1)
    centred = (flat - flat.mean(axis=1, keepdims=True)) / np.sqrt(flat.var(axis=1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(layer(x).data.reshape(4, -1), centred, atol=1e-10)
    np.testing.assert_allclose(
        layers.RMSNorm(5, 1e-5).to(np.float64)(x).data,
        x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5), atol=1e-10,
    )  # fmt: skip
    groups = x.reshape(4, 2, -1)
    centred = (groups - groups.mean(axis=2, keepdims=True)) / np.sqrt(
        groups.var(axis=2, keepdims=True) + 1e-5
    )
    np.testing.assert_allclose(
        layers.GroupNorm(2, 6).to(np.float64)(x).data, centred.reshape(x.shape), atol=1e-10
    )
    padded = np.pad(x**2, ((0, 0), (1, 1), (0, 0)))
    crowd = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    expected = x / (2 + 0.5 / 3 * crowd) ** 0.75
    np.testing.assert_allclose(layers.LocalResponseNorm(3, alpha=0.5, k=2.0)(x).data, expected, atol=1e-10)


def test_bias_can_be_left_out():
    """GPT models without biases leave it out of norms too."""
    layer = layers.LayerNorm(4, bias=False)
    assert list(layer.state_dict()) == ["weight"]
    assert layer(np.ones((2, 4), np.float32)).shape == (2, 4)
    with pytest.raises(ValueError, match="num_groups: expected a divisor of 6 channels, got 4"):
        layers.GroupNorm(4, 6)
    assert layers.LayerNorm(np.int64(4)).normalized_shape == (4,)
    with pytest.raises(ValueError, match="normalized_shape: expected an integer >= 1, got 0"):
        layers.RMSNorm((3, 0))
    for layer in (layers.LayerNorm(4, elementwise_affine=False), layers.GroupNorm(2, 4, affine=False)):
        assert layer.parameters() == []


def test_batch_norm_and_relu_in_one_pass():
    """Residual networks save a sweep over memory; the numbers and slopes must be those of the two layers."""
    x, ones = draws(4, 3, 5, 5), np.cos(np.arange(300.0)).reshape(4, 3, 5, 5)
    fused, apart = layers.BatchNorm2d(3).to(np.float64), layers.BatchNorm2d(3).to(np.float64)
    a, b = Tensor(x, requires_grad=True), Tensor(x, requires_grad=True)
    y, z = fused(a, "relu"), layers.ReLU()(apart(b))
    np.testing.assert_allclose(y.data, z.data, atol=1e-12)
    (y * ones).sum().backward()
    (z * ones).sum().backward()
    np.testing.assert_allclose(a.grad, b.grad, atol=1e-10)
    np.testing.assert_allclose(fused.weight.grad, apart.weight.grad, atol=1e-10)
