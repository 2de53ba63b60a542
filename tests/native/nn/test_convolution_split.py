"""Convolutions of float32 on the matrix unit, by parts of bf16: as exact as float32 itself.

Without such a unit the same tests run on the ordinary kernels, which must pass them too. All shapes are large
enough that the matrix unit takes them.
"""

import numpy as np
import pytest
from tests.nn import reference

from eckart._native import nn as native

# n, in, out, groups, (h, w), kernel, stride, margins, dilation
CASES = [
    (20, 16, 16, 1, (9, 32), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    (37, 32, 64, 1, (8, 8), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # two images a vector, the last alone
    (23, 31, 37, 1, (7, 7), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # three; channels and columns in pairs
    (5, 33, 50, 1, (14, 17), (3, 3), (1, 1), (0, 1, 2, 3), (1, 1)),  # uneven margins
    (9, 48, 40, 1, (13, 14), (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),  # stride: every other number
    (7, 40, 33, 1, (19, 20), (4, 5), (3, 3), (2, 1, 2, 1), (1, 1)),  # and every third
    (6, 24, 40, 1, (15, 18), (3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),  # rows of the kernel apart
    (6, 64, 96, 2, (13, 11), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # groups
    (8, 40, 70, 1, (20, 21), (1, 1), (2, 2), (0, 0, 0, 0), (1, 1)),  # rows that nobody reads
    (4, 192, 48, 1, (12, 12), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # slabs of channels
    (3, 127, 48, 1, (12, 12), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # that cannot be shared evenly
    (16, 16, 32, 1, (1, 60), (1, 5), (1, 1), (0, 0, 0, 0), (1, 1)),  # sequences
    (2, 3, 64, 1, (40, 45), (11, 11), (4, 4), (2, 2, 2, 2), (1, 1)),  # few channels, a large kernel
    (2, 32, 32, 1, (6, 70), (3, 17), (1, 1), (1, 8, 1, 8), (1, 1)),  # more columns than are kept at hand
]
SMALL = 5e-7  # of the sum of the products' sizes: a few roundings of float32


def arrays(case, seed=0):
    n, c, o, groups, size, kernel, stride, margins, dilation = case
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, c, *size)).astype(np.float32)
    w = rng.standard_normal((o, c // groups, *kernel)).astype(np.float32)
    b = rng.standard_normal(o).astype(np.float32)
    return x, w, b, (stride, margins, dilation, groups)


def directions(x, w, b, dy, sizes, threads=2, activation="none"):
    """Return the result and the gradients of images, weights and bias."""
    y = native.conv2d(x, w, b, *sizes, activation, threads)
    dy = np.ones_like(y) if dy is None else dy
    return y, *native.conv2d_backward(
        x, w, dy, y, *sizes, activation, (True, True, True), None, None, threads
    )


def like(y, seed=1):
    return np.random.default_rng(seed).standard_normal(y.shape).astype(np.float32)


@pytest.mark.parametrize("case", CASES)
def test_all_directions_are_as_exact_as_float32(case):
    """bf16 alone keeps 8 bits: the three parts together must keep all 24, at every awkward size."""
    x, w, b, sizes = arrays(case)
    dy = like(native.conv2d(x, w, b, *sizes, "none", 2))
    found = directions(x, w, b, dy, sizes)
    wide = [a.astype(np.float64) for a in (x, w, b, dy)]
    expected = (
        reference.conv2d(*wide[:3], *sizes),
        *reference.conv2d_gradients(wide[0], wide[1], wide[3], *sizes),
    )
    large = [np.abs(a) for a in wide]
    scales = (
        reference.conv2d(*large[:3], *sizes),
        *reference.conv2d_gradients(large[0], large[1], large[3], *sizes),
    )
    for result, exact, scale in zip(found, expected, scales, strict=True):
        assert result.dtype == np.float32
        assert np.max(np.abs(result - exact) / np.maximum(scale, 1e-30)) < SMALL


@pytest.mark.parametrize("case", CASES)
def test_threads_change_no_bit(case):
    """Tasks depend on the shapes alone, and partial gradients are added in order."""
    x, w, b, sizes = arrays(case)
    one = directions(x, w, b, None, sizes, 1, "relu")
    for threads in (2, 3, 5):
        for p, q in zip(one, directions(x, w, b, None, sizes, threads, "relu"), strict=True):
            np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize("case", [CASES[i] for i in (1, 3, 4, 7, 9)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_bias_and_activation_come_last(activation, case):
    """They belong to the whole sum, however many slabs it has; backward the slope comes from the result."""
    x, w, b, sizes = arrays(case)
    w /= np.float32(np.sqrt(w[0].size))
    z = reference.conv2d(*(a.astype(np.float64) for a in (x, w, b)), *sizes)
    expected = {"relu": np.maximum(z, 0), "tanh": np.tanh(z), "sigmoid": 1 / (1 + np.exp(-z))}[activation]
    y = native.conv2d(x, w, b, *sizes, activation, 2)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    dy = like(y)
    both = native.conv2d_backward(x, w, dy, y, *sizes, activation, (True, True, True), None, None, 2)
    alone = native.conv2d_backward(x, w, dy, y, *sizes, activation, (False, True, True), None, None, 2)
    slope = {"relu": y > 0, "tanh": 1 - y**2, "sigmoid": y * (1 - y)}[activation]
    wanted = reference.conv2d_gradients(*(a.astype(np.float64) for a in (x, w, dy * slope)), *sizes)
    for found, exact in zip(both, wanted, strict=True):
        np.testing.assert_allclose(found, exact, atol=2e-6 * np.abs(exact).max())
    np.testing.assert_array_equal(alone[1], both[1])
    np.testing.assert_array_equal(alone[2], both[2])


@pytest.mark.parametrize("case", [CASES[i] for i in (0, 2, 4, 9, 12)])
def test_what_memory_held_does_not_show(case):
    """Scratch is used again: nothing of what was in it, here NaN, may reach a result."""
    held = [native.elementwise("relu", np.full(int(2 ** (k / 4)), np.nan), 1) for k in range(24, 88)]
    del held
    x, w, b, sizes = arrays(case)
    assert all(np.isfinite(a).all() for a in directions(x, w, b, None, sizes))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("side", [0, 1, 3])
def test_what_is_not_finite_spreads_as_it_should(value, side):
    """Infinity has no parts, and would come out as NaN: such convolutions are computed otherwise.

    Without padding, for whether its zeros meet an infinite weight is nobody's promise.
    """
    x, w, b, sizes = arrays((37, 32, 64, 1, (8, 8), (3, 3), (1, 1), (0, 0, 0, 0), (1, 1)))
    operands = [x, w, b, like(native.conv2d(x, w, b, *sizes, "none", 2))]
    operands[side][3, 5, 1, 2] = value
    found = directions(*operands, sizes)
    with np.errstate(invalid="ignore"):
        wide = [a.astype(np.float64) for a in operands]
        expected = (
            reference.conv2d(*wide[:3], *sizes),
            *reference.conv2d_gradients(wide[0], wide[1], wide[3], *sizes),
        )
    for which, (result, exact) in enumerate(zip(found, expected, strict=True)):
        if (side, which) == (1, 1):  # the images' gradient: dy is padded
            continue
        same = np.isfinite(exact)
        np.testing.assert_array_equal(np.isfinite(result), same)
        np.testing.assert_allclose(result[same], exact[same], atol=2e-3)
        np.testing.assert_array_equal(np.isinf(result), np.isinf(exact))


def test_numbers_of_very_different_size():
    """Each number is cut by itself: a channel of small ones is not lost beside a large one."""
    x, w, b, sizes = arrays(CASES[1])
    x *= np.exp2(np.arange(x.shape[0]) % 41 - 20).astype(np.float32)[:, None, None, None]
    w *= np.exp2(np.arange(w.shape[0]) % 31 - 15).astype(np.float32)[:, None, None, None]
    y = native.conv2d(x, w, None, *sizes, "none", 2)
    zero = np.zeros_like(b, dtype=np.float64)
    exact = reference.conv2d(x.astype(np.float64), w.astype(np.float64), zero, *sizes)
    scale = reference.conv2d(np.abs(x).astype(np.float64), np.abs(w).astype(np.float64), zero, *sizes)
    assert np.max(np.abs(y - exact) / scale) < SMALL


def test_an_image_does_not_depend_on_those_beside_it():
    """Images lie side by side in vectors, in another place in each batch: the sums are the same."""
    x, w, b, sizes = arrays(CASES[2])
    y = native.conv2d(x, w, b, *sizes, "none", 2)
    np.testing.assert_array_equal(native.conv2d(x[5:], w, b, *sizes, "none", 2), y[5:])
