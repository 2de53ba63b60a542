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
