"""Native functions of single numbers, softmax, cross-entropy, embedding, dropout: accuracy, edges,
threads.
"""

import numpy as np
import pytest
from scipy import special

from eckart._native import nn as native

DTYPES = [np.float32, np.float64]


def _gelu_tanh(x):
    return x * special.expit(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))


# The function in more precision, and the bound of the relative error in units of the last place at x.
FUNCTIONS = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: 0 * x + 1),
    "tanh": (np.tanh, lambda x: 0 * x + 4),
    "sigmoid": (special.expit, lambda x: 0 * x + 4),
    "silu": (lambda x: x * special.expit(x), lambda x: 0 * x + 4),
    "softplus": (lambda x: np.logaddexp(0, x), lambda x: 0 * x + 6),
    "erf": (special.erf, lambda x: 0 * x + 8),
    "gelu": (
        lambda x: x * special.ndtr(x),
        lambda x: 32 + 2 * x * x,
    ),  # the argument's rounding grows in the tail
    "gelu_tanh": (_gelu_tanh, lambda x: 8 + np.abs(x) ** 3),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name, dtype):
    """Polynomials replace the C library only because they are as good, over the whole range."""
    function, bound = FUNCTIONS[name]
    x = np.concatenate(
        [np.linspace(-40, 40, 20011), np.linspace(-1, 1, 5003), 10.0 ** np.linspace(-30, 1.5, 997)]
    )
    x = x.astype(dtype)
    with np.errstate(under="ignore"):
        expected = function(x.astype(np.longdouble if name in ("tanh", "relu") else np.float64))
        y = native.elementwise(name, x, 1)
        normal = np.abs(expected) > 1e6 * np.finfo(dtype).tiny
        error = np.abs(y - expected)[normal] / np.abs(expected)[normal]
    assert (error <= bound(x[normal].astype(float)) * np.finfo(dtype).eps).all()
    assert np.abs(y[~normal]).max(initial=0) <= 2e6 * np.finfo(dtype).tiny


@pytest.mark.parametrize("dtype", DTYPES)
def test_ends_of_the_range(dtype):
    """NaN is never hidden, infinities have their limits, subnormals are nothing worse than zero."""
    x = np.array([np.nan, np.inf, -np.inf, 0, np.finfo(dtype).smallest_subnormal, 1000, -1000], dtype)
    limits = {
        "relu": [np.inf, 0, 0, 0, 1000, 0],
        "tanh": [1, -1, 0, 0, 1, -1],
        "sigmoid": [1, 0, 0.5, 0.5, 1, 0],
        "softplus": [np.inf, 0, np.log(2), np.log(2), 1000, 0],
        "erf": [1, -1, 0, 0, 1, -1],
    }
    for name, expected in limits.items():
        y = native.elementwise(name, x, 1)
        assert np.isnan(y[0]), name
        np.testing.assert_allclose(y[1:], expected, rtol=1e-6, atol=1e-35, err_msg=name)
    for name in ("gelu", "silu", "gelu_tanh"):
        assert np.isnan(native.elementwise(name, x, 1)[0])
        np.testing.assert_allclose(native.elementwise(name, x[5:], 1), [1000, 0], atol=1e-30)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [0, 1, 17, 30011])
def test_backward_and_threads(name, n):
    """The derivative belongs to the function, and no number depends on who computed it."""
    rng = np.random.default_rng(n)
    x, dy = rng.standard_normal(n) * 3, rng.standard_normal(n)
    x[np.abs(x) < 1e-3] = 0.5  # not at the corner of relu
    y = native.elementwise(name, x, 1)
    dx = native.elementwise_backward(name, x, y, dy, 1)
    h = 1e-6
    slope = (native.elementwise(name, x + h, 1) - native.elementwise(name, x - h, 1)) / (2 * h)
    np.testing.assert_allclose(dx, dy * slope, rtol=1e-7, atol=1e-7)
    for threads in (2, 3, 5):
        assert (native.elementwise(name, x, threads) == y).all()
        assert (native.elementwise_backward(name, x, y, dy, threads) == dx).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (7, 5), (3, 997), (500, 10)])
def test_softmax(shape, dtype):
    """Softmax and its logarithm are SciPy's, for large scores and masked ones too, on any number of
    threads.
    """
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) * 30).astype(dtype)
    x[:, :: max(2, shape[1] // 3)][:, 1:] = -np.inf
    eps = np.finfo(dtype).eps
    for logarithm, reference in ((False, special.softmax), (True, special.log_softmax)):
        y = native.softmax(x, logarithm, 1)
        expected = reference(x.astype(np.float64), axis=-1) if x.size else x
        np.testing.assert_allclose(y, expected, rtol=200 * eps, atol=40 * eps if logarithm else 1e-30)
        g = rng.standard_normal(shape).astype(dtype)
        dx = native.softmax_backward(y, g, logarithm, 1)
        p = np.exp(expected) if logarithm else expected
        slope = g - p * g.sum(1, keepdims=True) if logarithm else p * (g - (g * p).sum(1, keepdims=True))
        np.testing.assert_allclose(dx, slope, rtol=100 * eps, atol=300 * eps)
        for threads in (2, 3, 5):
            assert (native.softmax(x, logarithm, threads) == y).all()
            assert (native.softmax_backward(y, g, logarithm, threads) == dx).all()


def test_cross_entropy_on_any_number_of_threads():
    """The loss that a run is judged by does not depend on the machine's cores."""
    rng = np.random.default_rng(0)
    x, target = rng.standard_normal((4001, 11)).astype(np.float32), rng.integers(0, 11, 4001)
    losses, slopes, loss = native.cross_entropy(x, target, None, -100, 0.1, True, 1)
    assert loss == pytest.approx(losses.mean(dtype=np.float64), rel=1e-6)
    np.testing.assert_allclose(slopes.sum(1), 0, atol=1e-8)
    for threads in (2, 3, 5):
        again = native.cross_entropy(x, target, None, -100, 0.1, True, threads)
        assert (again[0] == losses).all()
        assert (again[1] == slopes).all()
        assert again[2] == loss


@pytest.mark.parametrize("dtype", DTYPES)
def test_embedding(dtype):
    """A row used often gets the sum of its gradients, in one order, whoever adds."""
    rng = np.random.default_rng(0)
    table, ids = rng.standard_normal((50, 33)).astype(dtype), rng.integers(0, 40, (91, 77))
    dy = rng.standard_normal((91, 77, 33)).astype(dtype)
    assert (native.embedding(ids, table, 1) == table[ids]).all()
    dw = native.embedding_backward(ids, dy, 50, None, 1)
    expected = np.zeros((50, 33))
    np.add.at(expected, ids, dy)
    np.testing.assert_allclose(dw, expected, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-4)
    assert (dw[40:] == 0).all()
    for threads in (2, 3, 5):
        assert (native.embedding(ids, table, threads) == table[ids]).all()
        assert (native.embedding_backward(ids, dy, 50, None, threads) == dw).all()
    for bad in (-1, 50):
        with pytest.raises(ValueError, match=rf"integers in \[0, 50\), got {bad}"):
            native.embedding(np.array([0, bad]), table, 1)


def test_dropout():
    """A share p is dropped, by numbers that (seed, call, place) name: not the thread, the length or the
    type.
    """

    def stream(seed, call):
        return np.array([seed, call], np.int64)

    x = np.ones(300_007, np.float32)
    y = native.dropout(x, 0.3, stream(7, 1), 1)
    assert np.unique(y).tolist() == [0, np.float32(1 / 0.7)]
    assert (y == 0).mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / x.size))
    assert np.corrcoef(y[:-1], y[1:])[0, 1] == pytest.approx(0, abs=0.01)
    for threads in (2, 3, 5):
        assert (native.dropout(x, 0.3, stream(7, 1), threads) == y).all()
    assert (native.dropout(x[:1001], 0.3, stream(7, 1), 1) == y[:1001]).all()
    assert ((native.dropout(x.astype(np.float64), 0.3, stream(7, 1), 1) == 0) == (y == 0)).all()
    for other in ((8, 1), (7, 2)):
        z = native.dropout(x, 0.3, stream(*other), 1)
        assert np.corrcoef(y, z)[0, 1] == pytest.approx(0, abs=0.01)
    assert (native.dropout(x, 1.0, stream(0, 0), 1) == 0).all()
    assert (native.dropout(x, 0.0, stream(0, 0), 1) == 1).all()
