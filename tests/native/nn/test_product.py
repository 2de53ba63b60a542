"""The product for any strides, and the dense layer, against NumPy; the same bits for all thread counts."""

import itertools

import numpy as np
import pytest

from eckart._native import nn as native

TOLERANCE = {np.float32: 3e-5, np.float64: 1e-13}
ACTIVATIONS = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def close(found, expected, dtype, depth=1):
    assert found.dtype == dtype
    assert found.shape == expected.shape
    atol = TOLERANCE[dtype] * max(1.0, depth**0.5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol * max(1.0, np.abs(expected).max(initial=0)))


def layouts(a):
    """Yield the same matrix by rows, by columns, and with strides of no kernel's liking."""
    yield np.ascontiguousarray(a)
    yield np.asfortranarray(a)
    spread = np.zeros((2 * a.shape[0], 3 * a.shape[1]), a.dtype)
    spread[::2, ::3] = a
    yield spread[::2, ::3]
    yield np.ascontiguousarray(a[::-1])[::-1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("m", "n"), [(1, 1), (1, 50), (3, 97), (8, 48), (17, 10), (50, 1), (131, 300), (4, 4)]
)
def test_products_of_all_layouts_equal_numpy(m, n, dtype):
    """Tiles, ragged edges, inner products and swapped operands are different code for the same sums."""
    rng = np.random.default_rng(0)
    for k in (0, 1, 7, 64, 500):
        a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        expected = a.astype(np.float64) @ b
        for left, right in itertools.product(layouts(a), layouts(b)):
            close(native.matmul(left, right, 2), expected, dtype, k)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [(128, 784, 1), (784, 128, 3), (10, 1500, 40), (130, 500, 230), (64, 84, 120), (257, 96, 300)],
)
def test_how_a_product_is_cut_changes_no_bit(m, n, k, dtype):
    """Blocks follow the number of threads, sums do not."""
    rng = np.random.default_rng(m)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    for left, right in ((a, b), (np.asfortranarray(a), np.asfortranarray(b))):
        one = native.matmul(left, right, 1)
        close(one, a.astype(np.float64) @ b, dtype, k)
        for threads in (2, 3, 5):
            np.testing.assert_array_equal(native.matmul(left, right, threads), one)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "n_in", "n_out"), [(64, 120, 84), (64, 400, 120), (300, 70, 13)])
def test_gradients_found_side_by_side_are_the_same(n, n_in, n_out, dtype):
    """Two threads may take a product each, or share both: nobody can tell from the result."""
    rng = np.random.default_rng(n_in)
    x, w, dy = (rng.standard_normal(s).astype(dtype) for s in ((n, n_in), (n_out, n_in), (n, n_out)))
    one = native.linear_backward(x, w, dy, None, "none", (True, True, True), None, None, 1)
    expected = (dy.astype(np.float64) @ w, dy.T.astype(np.float64) @ x, dy.sum(0, dtype=np.float64))
    for found, right in zip(one, expected, strict=True):
        close(found, right, dtype, max(n, n_out))
    for threads in (2, 3, 5):
        again = native.linear_backward(x, w, dy, None, "none", (True, True, True), None, None, threads)
        assert all(np.array_equal(p, q) for p, q in zip(one, again, strict=True))


@pytest.mark.parametrize(
    ("left", "right"),
    [((0, 3), (3, 2)), ((3, 2), (2, 0)), ((4, 3, 5), (5, 6)), ((4, 3, 5), (4, 5, 2)),
     ((2, 1, 3, 5), (4, 5, 7)), ((0, 3, 5), (5, 2)), ((3, 5), (6, 5, 2)), ((2, 3, 0), (0, 4))],
)  # fmt: skip
def test_batches_are_broadcast_as_numpy_does(left, right):
    """matmul of tensors is this function for every shape."""
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal(left), rng.standard_normal(right)
    close(native.matmul(a, b, 2), a @ b, np.float64)
    swapped = np.ascontiguousarray(np.swapaxes(a, -1, -2))
    close(native.matmul(np.swapaxes(swapped, -1, -2), b, 2), a @ b, np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("n", "n_in", "n_out"), [(1, 37, 5), (3, 0, 4), (0, 3, 4), (33, 300, 10), (7, 5, 130)]
)
def test_linear_and_its_gradients_equal_numpy(n, n_in, n_out, activation, dtype):
    """One call is product, bias and activation; its twin gives all three gradients."""
    rng = np.random.default_rng(2)
    x, w, b, dy = (
        rng.standard_normal(s).astype(dtype) for s in ((n, n_in), (n_out, n_in), (n_out,), (n, n_out))
    )
    y = native.linear(x, w, b, activation, 2)
    z = x.astype(np.float64) @ w.T + b
    close(y, ACTIVATIONS[activation](z), dtype, n_in)
    slope = {
        "none": 1,
        "relu": z > 0,
        "tanh": 1 - np.tanh(z) ** 2,
        "sigmoid": np.exp(z) / (1 + np.exp(z)) ** 2,
    }
    dz = dy * slope[activation]
    found = native.linear_backward(x, w, dy, y, activation, (True, True, True), None, None, 2)
    for gradient, expected in zip(found, (dz @ w, dz.T @ x, dz.sum(0)), strict=True):
        close(gradient, expected, dtype, max(n, n_out) * 4)


def test_only_what_is_needed_is_computed_and_targets_are_written():
    """Attacks skip the weights; an optimiser's buffer gets its gradient without a copy."""
    x, w, dy = np.ones((2, 3)), np.ones((4, 3)), np.ones((2, 4))
    dx, dw, db = native.linear_backward(x, w, dy, None, "none", (True, False, False), None, None, 1)
    assert dw is None
    assert db is None
    np.testing.assert_array_equal(dx, np.full((2, 3), 4.0))
    target, bias = np.empty((4, 3)), np.empty(4)
    _, dw, db = native.linear_backward(x, w, dy, None, "none", (False, True, True), target, bias, 1)
    assert dw is target
    assert db is bias
    np.testing.assert_array_equal(target, np.full((4, 3), 2.0))


def test_activations_keep_their_digits_at_the_ends():
    """tanh near zero, sigmoid far out, NaN and infinity: what a polynomial gets wrong first."""
    one = np.ones((1, 1))
    for z in (1e-300, -1e-9, 0.3, -19.0, 700.0, -700.0, np.inf, -np.inf, np.nan):
        for name, f in (("tanh", np.tanh), ("sigmoid", lambda v: np.exp(-np.logaddexp(0, -v)))):
            found = native.linear(np.full((1, 1), z), one, None, name, 1)
            with np.errstate(invalid="ignore"):
                np.testing.assert_allclose(found, [[f(z)]], rtol=1e-14, atol=1e-300)
    assert np.isnan(native.linear(np.full((1, 1), np.nan), one, None, "relu", 1)[0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(dtype):
    """Blocks depend on the shapes alone."""
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((301, 517)).astype(dtype), rng.standard_normal((517, 203)).astype(dtype)
    w, batch = np.ascontiguousarray(b.T), rng.standard_normal((5, 61, 67)).astype(dtype)
    g = rng.standard_normal((301, 203)).astype(dtype)

    def results(t):
        yield native.matmul(a, b, t)
        yield native.matmul(a[:1], b, t)
        yield native.matmul(batch, batch.swapaxes(1, 2), t)
        yield native.linear(a, w, None, "tanh", t)
        yield from native.linear_backward(a, w, g, None, "none", (True, True, True), None, None, t)

    one = list(results(1))
    for t in (2, 3, 5):
        assert all(np.array_equal(x, y) for x, y in zip(one, results(t), strict=True))


def test_what_does_not_fit_is_refused():
    """The boundary is memory-safe, whatever Python passes."""
    a = np.ones((3, 2))
    with pytest.raises(ValueError, match="columns of a and rows of b"):
        native.matmul(a, a, 1)
    with pytest.raises(ValueError, match="b: expected batch dimensions"):
        native.matmul(np.ones((2, 3, 2)), np.ones((3, 2, 3)), 1)
    with pytest.raises(ValueError, match="columns of x and of weight"):
        native.linear(a, np.ones((4, 3)), None, "none", 1)
    with pytest.raises(ValueError, match="activation: expected none, relu, tanh or sigmoid, got 'gelu'"):
        native.linear(a, a, None, "gelu", 1)
    with pytest.raises(ValueError, match="bias: expected a vector of length 3"):
        native.linear(a, a, np.ones(2), "none", 1)
    with pytest.raises(ValueError, match="rows of dy"):
        native.linear_backward(a, a, np.ones((2, 3)), None, "none", (True,) * 3, None, None, 1)
    with pytest.raises(ValueError, match="y: expected"):
        native.linear_backward(a, a, np.ones((3, 3)), None, "relu", (True,) * 3, None, None, 1)
    with pytest.raises(ValueError, match="dw: expected a writeable array"):
        native.linear_backward(a, a, np.ones((3, 3)), None, "none", (True,) * 3, np.ones((2, 2)), None, 1)
