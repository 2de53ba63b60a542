"""Convolutions against their formula, the same bits for any number of threads."""

import numpy as np
import pytest
from tests.nn import reference

from eckart._native import nn as native

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-12}
# n, in, out, groups, (h, w), kernel, stride, margins, dilation
CASES = [
    (2, 3, 8, 1, (7, 9), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    (1, 1, 1, 1, (1, 1), (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),
    (0, 2, 3, 1, (5, 5), (3, 3), (1, 1), (0, 0, 0, 0), (1, 1)),
    (5, 1, 6, 1, (28, 28), (5, 5), (1, 1), (2, 2, 2, 2), (1, 1)),
    (3, 6, 16, 1, (14, 14), (5, 5), (1, 1), (0, 0, 0, 0), (1, 1)),  # rows of 10: copied panels
    (2, 13, 17, 1, (11, 50), (3, 2), (2, 3), (1, 0, 2, 1), (1, 1)),
    (2, 4, 6, 2, (9, 8), (3, 3), (1, 2), (2, 2, 2, 2), (2, 3)),
    (2, 5, 5, 5, (17, 33), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # one channel a group
    (2, 3, 9, 3, (8, 8), (4, 4), (4, 4), (0, 0, 0, 0), (1, 1)),
    (2, 2, 3, 1, (9, 11), (2, 2), (3, 5), (0, 0, 0, 0), (1, 1)),  # stride beyond the kernel: unread positions
    (1, 2, 3, 1, (6, 6), (2, 2), (2, 2), (0, 0, 0, 0), (2, 2)),
    (1, 40, 64, 1, (8, 8), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    (2, 64, 70, 1, (7, 7), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # several slabs, several panels of rows
    (3, 20, 33, 1, (16, 16), (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),
    (1, 3, 4, 1, (5, 5), (7, 7), (1, 1), (3, 3, 3, 3), (1, 1)),  # kernel larger than the image
    (1, 3, 4, 1, (1, 301), (1, 9), (1, 2), (0, 4, 0, 4), (1, 1)),
    (3, 24, 12, 3, (12, 12), (5, 5), (2, 2), (0, 0, 0, 0), (1, 1)),  # few and small: as LeCun's of 1989
    (1, 6, 4, 2, (5, 13), (2, 9), (1, 3), (1, 2, 0, 3), (2, 1)),
    (17, 3, 5, 1, (3, 3), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # images smaller than a vector
    (13, 16, 6, 1, (10, 10), (5, 5), (1, 1), (4, 4, 4, 4), (1, 1)),  # many rows of taps see only padding
    (2, 7, 40, 1, (13, 45), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # rows read as one, results between rows
    (3, 4, 6, 1, (3, 70), (3, 3), (1, 1), (0, 17, 0, 17), (1, 17)),  # more than a vector between two rows
    (2, 33, 72, 1, (5, 6), (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),  # weights of few uses, in place
    (2, 6, 6, 6, (13, 37), (3, 3), (2, 3), (1, 1, 1, 1), (1, 1)),  # one channel a group, strided
    (2, 3, 3, 3, (12, 12), (2, 2), (4, 3), (0, 0, 0, 0), (1, 1)),  # and with gaps
    (2, 130, 150, 1, (17, 16), (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),  # a large product for each image
    (1, 2, 5, 1, (61, 60), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # few weights, several bands
    (3, 4, 4, 4, (9, 14), (3, 3), (1, 1), (0, 1, 0, 1), (1, 1)),  # one channel a group, rows of equal length
    (2, 3, 3, 3, (1, 5), (2, 3), (1, 1), (1, 1, 0, 1), (1, 1)),
    (2, 3, 3, 3, (7, 1), (3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
    (1, 2, 2, 2, (6, 23), (1, 3), (1, 1), (0, 2, 0, 0), (1, 1)),
    (3, 5, 5, 5, (12, 12), (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),  # a gradient with zeros between numbers
    (2, 4, 4, 4, (9, 75), (3, 3), (2, 2), (0, 1, 1, 0), (1, 1)),
    (2, 3, 3, 3, (10, 9), (2, 3), (1, 2), (1, 1, 0, 1), (1, 1)),
    (9, 3, 3, 3, (10, 9), (3, 3), (2, 1), (1, 1, 1, 1), (1, 1)),
]


def arrays(case, dtype, seed=0):
    n, c, o, groups, size, kernel, stride, margins, dilation = case
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, c, *size)).astype(dtype)
    w = rng.standard_normal((o, c // groups, *kernel)).astype(dtype)
    b = rng.standard_normal(o).astype(dtype)
    return x, w, b, (stride, margins, dilation, groups)


def close(found, expected, dtype):
    assert found.dtype == dtype
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_all_directions_equal_the_formula(case, dtype):
    """Forward, gradient at the input, at the weights and the bias, for shapes that no tile likes."""
    x, w, b, sizes = arrays(case, dtype)
    y = native.conv2d(x, w, b, *sizes, "none", 2)
    close(y, reference.conv2d(x, w, b, *sizes), dtype)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    found = native.conv2d_backward(x, w, dy, None, *sizes, "none", (True, True, True), None, None, 2)
    for gradient, expected in zip(found, reference.conv2d_gradients(x, w, dy, *sizes), strict=True):
        close(gradient, expected, dtype)


@pytest.mark.parametrize("case", [CASES[4], CASES[5], CASES[12]])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_activations_are_part_of_the_pass(activation, case):
    """Forward they are applied in registers; backward their slope comes from the result."""
    x, w, b, sizes = arrays(case, np.float64)
    z = reference.conv2d(x, w, b, *sizes)
    expected = {"relu": np.maximum(z, 0), "tanh": np.tanh(z), "sigmoid": 1 / (1 + np.exp(-z))}[activation]
    y = native.conv2d(x, w, b, *sizes, activation, 2)
    close(y, expected, np.float64)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    slope = {"relu": z > 0, "tanh": 1 - expected**2, "sigmoid": expected * (1 - expected)}[activation]
    found = native.conv2d_backward(x, w, dy, y, *sizes, activation, (True, True, True), None, None, 2)
    for gradient, want in zip(found, reference.conv2d_gradients(x, w, dy * slope, *sizes), strict=True):
        close(gradient, want, np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", [CASES[i] for i in (3, 4, 7, 11, 16, 25)])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_first_layer_needs_no_gradient_of_its_images(activation, case, dtype):
    """For the weights alone the gradient goes back through the activation as it is read: the same numbers."""
    x, w, b, sizes = arrays(case, dtype)
    y = native.conv2d(x, w, b, *sizes, activation, 2)
    dy = np.random.default_rng(2).standard_normal(y.shape).astype(dtype)
    both = native.conv2d_backward(x, w, dy, y, *sizes, activation, (True, True, True), None, None, 2)
    dx, dw, db = native.conv2d_backward(x, w, dy, y, *sizes, activation, (False, True, True), None, None, 2)
    assert dx is None
    assert np.array_equal(dw, both[1])
    assert np.array_equal(db, both[2])
    with pytest.raises(ValueError, match="y: expected the layer's result"):
        native.conv2d_backward(x, w, dy, None, *sizes, activation, (False, True, True), None, None, 2)


@pytest.mark.parametrize("case", CASES)
def test_what_memory_held_does_not_show(case):
    """Scratch is used again: nothing of what was in it, here NaN, may reach a result."""
    held = [native.elementwise("relu", np.full(int(2 ** (k / 4)), np.nan), 1) for k in range(24, 76)]
    del held
    x, w, b, sizes = arrays(case, np.float64)
    y = native.conv2d(x, w, b, *sizes, "none", 2)
    found = native.conv2d_backward(x, w, y, None, *sizes, "none", (True, True, True), None, None, 2)
    assert all(np.isfinite(a).all() for a in (y, *found))


@pytest.mark.parametrize(
    "case", [(9, *CASES[i][1:]) for i in (0, 4, 5, 7, 12, 20, 22, 23, 25, 27)] + [CASES[i] for i in (0, 16)]
)
def test_threads_change_no_bit(case):
    """Tasks depend on the shapes alone, and partial gradients are added in order."""
    x, w, b, sizes = arrays(case, np.float32)
    y = native.conv2d(x, w, b, *sizes, "relu", 1)

    def gradients(t):
        return native.conv2d_backward(x, w, y, y, *sizes, "relu", (True, True, True), None, None, t)

    one = gradients(1)
    for t in (2, 3, 5):
        assert np.array_equal(native.conv2d(x, w, b, *sizes, "relu", t), y)
        assert all(np.array_equal(p, q) for p, q in zip(one, gradients(t), strict=True))


def test_a_small_batch_and_one_image_are_cut_alike():
    """An image's result does not depend on the images beside it, where both are large enough for one way."""
    x, w, b, sizes = arrays((12, *CASES[12][1:]), np.float64)
    y = native.conv2d(x, w, b, *sizes, "none", 2)
    assert np.array_equal(native.conv2d(x[5:6], w, b, *sizes, "none", 2), y[5:6])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_do_not_see_each_other(dtype):
    """Where a plane is read as one long row, what is beyond a row's end is masked out, were it infinite."""
    x = np.ones((1, 2, 6, 14), dtype)
    x[0, 0, 2, 13] = np.inf
    y = native.conv2d(x, np.ones((2, 1, 3, 3), dtype), None, (1, 1), (1, 1, 1, 1), (1, 1), 2, "none", 1)
    assert np.isinf(y[0, 0, 1:4, 12:]).all()
    assert np.isinf(y).sum() == 6
    assert np.isfinite(y).sum() == y.size - 6


def test_targets_are_written_and_needs_respected():
    """An optimiser's buffer gets its gradient; an attack computes none of the weights'."""
    x, w, _, sizes = arrays(CASES[0], np.float64)
    y = native.conv2d(x, w, None, *sizes, "none", 1)
    target = np.empty_like(w)
    dx, dw, db = native.conv2d_backward(x, w, y, None, *sizes, "none", (False, True, False), target, None, 1)
    assert dx is None
    assert db is None
    assert dw is target
    close(target, reference.conv2d_gradients(x, w, y, *sizes)[1], np.float64)
    dx, dw, db = native.conv2d_backward(x, w, y, None, *sizes, "none", (False, False, True), None, None, 1)
    close(db, y.sum((0, 2, 3)), np.float64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": (0, 1)}, "stride: expected at least 1, got 0"),
        ({"dilation": (1, 0)}, "dilation: expected at least 1, got 0"),
        ({"padding": (-1, 0, 0, 0)}, "padding: expected no negative number, got -1"),
        ({"groups": 2}, "groups: expected a divisor of the channels"),
        ({"weight": np.ones((4, 2, 3, 3))}, "x: expected 2 channels, as weight and groups have, got 3"),
        ({"weight": np.ones((4, 3, 9, 3))}, "x: expected at least 9 positions with the padding"),
        ({"weight": np.ones((4, 3, 3))}, "weight: expected 4 dimensions, got 3"),
        ({"bias": np.ones(3)}, "bias: expected a vector of length 4"),
        ({"activation": "swish"}, "activation: expected none, relu, tanh or sigmoid"),
        ({"threads": 0}, "threads: expected at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    """Names what was expected and what came; memory is safe whatever Python passes."""
    given = {
        "x": np.ones((1, 3, 5, 5)), "weight": np.ones((4, 3, 3, 3)), "bias": None, "stride": (1, 1),
        "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1, "activation": "none", "threads": 1,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        native.conv2d(**{**given, **change})


def test_gradients_of_another_shape_are_refused():
    """dy has the result's shape, or the kernel would read beyond it."""
    x, w, _, sizes = arrays(CASES[0], np.float64)
    with pytest.raises(ValueError, match="dy: expected the shape of the convolution's result"):
        native.conv2d_backward(x, w, x, None, *sizes, "none", (True,) * 3, None, None, 1)
    with pytest.raises(ValueError, match="dy: expected the shape of the convolution's result"):
        native.conv2d_transposed(x, w, None, x.shape, *sizes, "none", 1)
