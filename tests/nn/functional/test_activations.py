"""Activations against their formulas, and where formulas overflow; derivatives are checked in test_ops."""

import numpy as np
import pytest
from scipy import special

from eckart.nn import Tensor, grad
from eckart.nn import functional as F

X = np.linspace(-7, 7, 57)
SIGMOID = special.expit(X)
FORMULAS = {
    "relu": np.maximum(X, 0),
    "relu6": np.clip(X, 0, 6),
    "leaky_relu": np.where(X > 0, X, 0.01 * X),
    "elu": np.where(X > 0, X, np.expm1(X)),
    "selu": 1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * np.expm1(X)),
    "gelu": X * special.ndtr(X),
    "silu": X * SIGMOID,
    "softplus": np.log1p(np.exp(X)),
    "softsign": X / (1 + np.abs(X)),
    "hardtanh": np.clip(X, -1, 1),
    "hardsigmoid": np.clip(X + 3, 0, 6) / 6,
    "hardswish": X * np.clip(X + 3, 0, 6) / 6,
    "mish": X * np.tanh(np.log1p(np.exp(X))),
    "sigmoid": SIGMOID,
    "tanh": np.tanh(X),
    "logsigmoid": np.log(SIGMOID),
    "softmax": special.softmax(X),
    "log_softmax": special.log_softmax(X),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    """Each activation is the function of its paper."""
    np.testing.assert_allclose(getattr(F, name)(Tensor(X)).data, FORMULAS[name], rtol=1e-12, atol=1e-15)


def test_formulas_with_options():
    """Slopes, bounds and approximations are the caller's."""
    x = Tensor(X)
    np.testing.assert_allclose(F.leaky_relu(x, 0.2).data, np.where(X > 0, X, 0.2 * X))
    np.testing.assert_allclose(F.elu(x, alpha=2.0).data, np.where(X > 0, X, 2 * np.expm1(X)))
    np.testing.assert_allclose(F.hardtanh(x, -2, 3).data, np.clip(X, -2, 3))
    np.testing.assert_allclose(F.softplus(x, beta=2.0).data, np.log1p(np.exp(2 * X)) / 2, rtol=1e-9)
    cubic = 0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3)))
    np.testing.assert_allclose(F.gelu(x, "tanh").data, cubic, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(F.glu(Tensor(X[:56])).data, X[:28] * SIGMOID[28:56])
    with pytest.raises(ValueError, match="min_val: expected a number <= max_val = -1, got 1"):
        F.hardtanh(x, 1, -1)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_far_out(name):
    """Large inputs overflow nowhere, neither forwards nor backwards (a warning is an error), in float32."""
    x = Tensor(np.array([-1e4, -100, -20, 0.5, 20, 100, 1e4], np.float32), requires_grad=True)
    y = getattr(F, name)(x)
    assert np.isfinite(y.data).all()
    assert np.isfinite(grad(y.sum(), [x])[0]).all()
