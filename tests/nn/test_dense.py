"""functional.linear: one operation for product, bias and activation."""

import numpy as np
import pytest
from tests.nn.reference import check_gradients

from eckart.nn import Tensor, functional


@pytest.mark.parametrize("activation", [None, "relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 0, 5), (2, 3, 5)])
def test_value_and_gradients(shape, activation):
    """Any leading axes; the slope of the activation comes from the result."""
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal(shape), rng.standard_normal((4, 5)), rng.standard_normal(4)
    f = {None: lambda z: z, "relu": lambda z: np.maximum(z, 0), "tanh": np.tanh,
         "sigmoid": lambda z: 1 / (1 + np.exp(-z))}[activation]  # fmt: skip
    np.testing.assert_allclose(functional.linear(x, w, b, activation), f(x @ w.T + b), atol=1e-13)
    check_gradients(lambda *a: functional.linear(*a, activation=activation), [x, w, b])
    check_gradients(lambda *a: functional.linear(*a, activation=activation), [x, w])


def test_an_optimisers_buffer_is_written():
    """The first gradient of a pass is computed where the optimiser wants it; the second is added."""
    rng = np.random.default_rng(1)
    w = Tensor(rng.standard_normal((4, 5)), requires_grad=True)
    w.buffer = np.zeros((4, 5))
    x = rng.standard_normal((3, 5))
    for repeats in (1, 2):
        functional.linear(x, w).backward(np.ones((3, 4)))
        assert w.grad is w.buffer
        np.testing.assert_allclose(w.grad, repeats * np.ones((4, 3)) @ x)


def test_what_does_not_fit_is_refused():
    """Names what was expected and what came."""
    x, w = np.ones((3, 5)), np.ones((4, 5))
    with pytest.raises(
        ValueError, match=r"weight: expected \(n_out, n_in\) that fits x of \(3, 5\), got \(4, 6\)"
    ):
        functional.linear(x, np.ones((4, 6)))
    with pytest.raises(ValueError, match="x: expected float32 or float64, got int64"):
        functional.linear(np.ones((3, 5), np.int64), w)
    with pytest.raises(ValueError, match="weight: expected float64 as x has, got float32"):
        functional.linear(x, w.astype(np.float32))
    with pytest.raises(ValueError, match="bias: expected a vector of length 4"):
        functional.linear(x, w, np.ones(3))
    with pytest.raises(ValueError, match="activation: expected none, relu, tanh or sigmoid"):
        functional.linear(x, w, activation="softmax")
