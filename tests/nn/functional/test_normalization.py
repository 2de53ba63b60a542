"""Normalising layers as functions: gradients in all inputs, running averages, shapes that do not fit."""

import numpy as np
import pytest

from eckart.nn import Tensor, gradcheck, optim
from eckart.nn import functional as F

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 6, 5)) + 1


def parameters(*shape):
    return [Tensor(RNG.standard_normal(shape), requires_grad=True) for _ in range(2)]


def normalised(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@pytest.mark.parametrize("affine", [0, 1, 2])
@pytest.mark.parametrize(
    ("f", "shape", "expected"),
    [
        (lambda x, *p: F.layer_norm(x, 5, *p), (5,), normalised(X, -1)),
        (lambda x, *p: F.layer_norm(x, (6, 5), *p), (6, 5), normalised(X, (1, 2))),
        (lambda x, *p: F.batch_norm(x, None, None, *p, training=True), (6,), normalised(X, (0, 2))),
        (lambda x, *p: F.batch_norm(x, np.ones(6), 4 * np.ones(6), *p, eps=0), (6,), (X - 1) / 2),
        (lambda x, *p: F.group_norm(x, 1, *p), (6,), normalised(X, (1, 2))),
        (lambda x, *p: F.instance_norm(x, *p), (6,), normalised(X, 2)),
        (lambda x, *p: F.rms_norm(x, 5, *p[:1]), (5,), X / np.sqrt((X**2).mean(-1, keepdims=True))),
    ],
)
def test_values_and_gradients(f, shape, expected, affine):
    """With and without weight and bias, every input has its gradient."""
    p = parameters(*shape)[:affine]
    np.testing.assert_allclose(f(Tensor(X)).data, expected, rtol=1e-10, atol=1e-10)
    assert gradcheck(f, [Tensor(X, requires_grad=True), *p]) < 1e-5


def test_a_bias_without_a_weight():
    """A layer may have either: a missing weight counts as ones."""
    bias = Tensor(RNG.standard_normal(5), requires_grad=True)
    y = F.layer_norm(Tensor(X), 5, bias=bias)
    np.testing.assert_allclose(y.data, normalised(X, -1) + bias.data, rtol=1e-10)
    y.sum().backward()
    np.testing.assert_allclose(bias.grad, 24)


def test_one_parameter_as_weight_and_bias():
    """Both gradients belong to it: the second must not be written over the first in the buffer."""
    x = np.random.default_rng(0).standard_normal((4, 3))
    shared, weight, bias = (Tensor(np.ones(3), requires_grad=True) for _ in range(3))
    optim.SGD([shared, weight, bias], lr=0.1)
    for w, b in ((shared, shared), (weight, bias)):
        y = F.layer_norm(x, 3, w, b)
        (y * y).sum().backward()
    np.testing.assert_allclose(shared.grad, weight.grad + bias.grad, rtol=1e-12)


def test_running_averages():
    """What evaluation uses moves by the momentum towards the batch's mean and its variance over n - 1."""
    mean, variance = np.zeros(6), np.ones(6)
    F.batch_norm(X, mean, variance, training=True, momentum=0.25)
    np.testing.assert_allclose(mean, 0.25 * X.mean((0, 2)))
    np.testing.assert_allclose(variance, 0.75 + 0.25 * X.var((0, 2), ddof=1))
    before = mean.copy()
    F.batch_norm(X, mean, variance)
    assert (mean == before).all()


def test_relu_in_the_same_pass():
    """The fused layer is the layer and ReLU, forward and backward."""
    x, (w, b) = Tensor(X, requires_grad=True), parameters(6)
    fused = F.batch_norm(x, None, None, w, b, training=True, activation="relu")
    plain = F.relu(F.batch_norm(x, None, None, w, b, training=True))
    np.testing.assert_allclose(fused.data, plain.data, rtol=1e-12)
    g = RNG.standard_normal(X.shape)
    fused.backward(g)
    found = [t.grad for t in (x, w, b)]
    for t in (x, w, b):
        t.grad = None
    plain.backward(g)
    for a, t in zip(found, (x, w, b), strict=True):
        np.testing.assert_allclose(a, t.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_local_response_norm(size):
    """The window reaches size // 2 channels back, and ends at the borders."""
    y = F.local_response_norm(X, size, alpha=0.3, beta=0.6, k=2.0).data
    squares = np.pad(X**2, ((0, 0), (size // 2, (size - 1) // 2), (0, 0)))
    total = sum(squares[:, i : i + 6] for i in range(size))
    np.testing.assert_allclose(y, X / (2 + 0.3 / size * total) ** 0.6, rtol=1e-12)
    x = Tensor(X, requires_grad=True)
    assert gradcheck(lambda a: F.local_response_norm(a, size, 0.3, 0.6, 2.0), [x]) < 1e-5


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda: F.layer_norm(X, 4), "normalized_shape: expected the last axes"),
        (lambda: F.layer_norm(X, 5, np.ones(4)), r"weight: expected shape \(5,\), got \(4,\)"),
        (lambda: F.batch_norm(X), "running_mean and running_var unless training"),
        (lambda: F.batch_norm(X, np.ones(5), np.ones(6)), r"running_mean: expected shape \(6,\), got \(5,\)"),
        (lambda: F.batch_norm(X[:1, :, :1], training=True), "more than 1 value per channel"),
        (lambda: F.batch_norm(X, training=True, activation="tanh"), "activation: expected one of"),
        (lambda: F.group_norm(X, 4), "num_groups: expected a divisor"),
        (lambda: F.local_response_norm(X[0], 3), "3 axes or more"),
        (lambda: F.layer_norm(X.astype(np.float16), 5), "expected float32 or float64"),
    ],
)
def test_errors(f, message):
    """What does not fit is said before a kernel reads it."""
    with pytest.raises(ValueError, match=message):
        f()
