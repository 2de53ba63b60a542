"""Optimisers' kernels: the same bits on any number of threads, sums in a fixed order, lengths checked."""

import numpy as np
import pytest

from eckart._native import nn as native

CALLS = {
    "sgd_step": (1, (0.1, 0.9, 0.8, 0.2, 0.7)),
    "heavy_ball_step": (1, (0.1, 0.9)),
    "nesterov_step": (1, (0.1, 0.9)),
    "extragradient_step": (1, (0.1,)),
    "adagrad_step": (1, (0.1, 1e-8)),
    "rmsprop_step": (3, (0.1, 0.9, 1e-8, 0.5)),
    "adam_step": (3, (0.1, 0.9, 0.99, 1e-8, 1.1, 0.99)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 100_003])
@pytest.mark.parametrize("name", CALLS)
def test_threads(name, n, dtype):
    """A training run repeats bit for bit wherever it runs."""
    n_states, settings = CALLS[name]
    rng = np.random.default_rng(0)
    start = [rng.random(n).astype(dtype) for _ in range(2 + n_states)]
    results = []
    for threads in (1, 2, 3, 5):
        arrays = [a.copy() for a in start]
        getattr(native, name)(*arrays, *settings, -1.0, 0.1, threads)
        results.append(arrays)
    assert all((a == b).all() for other in results[1:] for a, b in zip(results[0], other, strict=True))
    assert (results[0][1] == start[1]).all()
    assert n == 0 or (results[0][0] != start[0]).any()


def adaptive_steps(name, p, g, states):
    """Return what the kernels should leave in p and the states, in float64: settings as in CALLS."""
    p, g, *states = (a.astype(np.float64) for a in (p, g, *states))
    if name == "adagrad_step":
        square = states[0] + g * g
        return p - 0.1 * g / (np.sqrt(square) + 1e-8), square
    if name == "rmsprop_step":
        square, mean = 0.9 * states[0] + 0.1 * g * g, states[1] + 0.1 * (g - states[1])
        move = 0.5 * states[2] + g / (np.sqrt(np.maximum(square - mean**2, 0)) + 1e-8)
        return p - 0.1 * move, square, mean, move
    mean, square = states[0] + (1 - 0.9) * (g - states[0]), 0.99 * states[1] + 0.01 * g * g
    largest = np.maximum(square, states[2])
    return 0.99 * p - 0.1 * mean / (1.1 * np.sqrt(largest) + 1e-8), mean, square, largest


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("n", [1, 16, 31, 1000])
@pytest.mark.parametrize("name", ["adagrad_step", "rmsprop_step", "adam_step"])
def test_adaptive_steps_equal_their_formulas(name, n, dtype, tolerance):
    """Roots and quotients are approximations with a correction: as good as exact, for sizes far apart."""
    n_states, settings = CALLS[name]
    rng = np.random.default_rng(n)
    size = 10.0 ** rng.uniform(-12, 12, n)
    p, g = rng.standard_normal(n).astype(dtype), (size * rng.standard_normal(n)).astype(dtype)
    states = [((size**2) * rng.uniform(1, 2, n)).astype(dtype) for _ in range(n_states)]
    for i in {"rmsprop_step": (1, 2), "adam_step": (0,)}.get(name, ()):
        states[i] = (0.1 * size * rng.standard_normal(n)).astype(dtype)
    g[::7] = 0
    expected = adaptive_steps(name, p, g, states)
    getattr(native, name)(p, g, *states, *settings, 1.0, 0.0, 2)
    found = (p, *states)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_from_nothing_and_one_out_of_range(dtype):
    """Without any slope nothing moves; squares that overflow stop a parameter, they do not make it NaN."""
    p, g = np.ones(40, dtype), np.zeros(40, dtype)
    g[3] = np.sqrt(np.finfo(dtype).max) * 40
    mean, square = np.zeros(40, dtype), np.zeros(40, dtype)
    native.adam_step(p, g, mean, square, None, 0.1, 0.9, 0.99, 1e-8, 1.0, 1.0, 1.0, 0.0, 1)
    assert (p == 1).all()
    assert np.isinf(square[3])
    g[5] = np.nan
    native.adam_step(p, g, mean, square, None, 0.1, 0.9, 0.99, 1e-8, 1.0, 1.0, 1.0, 0.0, 1)
    assert np.flatnonzero(np.isnan(p)).tolist() == [5]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_over_many_arrays(dtype):
    """The norm that clipping divides by is exact in double, and the same on any number of threads."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(dtype) for s in ((), (3, 5), (0,), (300, 401))]
    total = native.sum_of_squares(arrays, 1)
    assert total == pytest.approx(sum(float((a.astype(np.float64) ** 2).sum()) for a in arrays), rel=1e-12)
    assert {native.sum_of_squares(arrays, threads) for threads in (2, 3, 5)} == {total}
    expected = [a * dtype(0.5) for a in arrays]
    native.multiply_all(arrays, 0.5, 2)
    assert all((a == b).all() for a, b in zip(arrays, expected, strict=True))


def test_lengths_are_checked():
    """A state of another length would be written beyond its end."""
    a = np.zeros(5, np.float32)
    with pytest.raises(ValueError, match="squares: expected a vector of length 5"):
        native.adagrad_step(a, a.copy(), a[:4].copy(), 0.1, 1e-8, 1.0, 0.0, 1)
    with pytest.raises(TypeError):
        native.adagrad_step(a, a.astype(np.float64), a.copy(), 0.1, 1e-8, 1.0, 0.0, 1)
