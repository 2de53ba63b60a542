"""The native bootstrap: its draws, its means, and every number of threads."""

import numpy as np
import pytest

from eckart._native import base, metrics


def draws(seed, resample, n):
    """The user indices of one resample, by Lemire's method on the raw Philox numbers, in plain Python."""
    key, words, result, block = [seed & 0xFFFFFFFF, seed >> 32], [], [], 0
    while len(result) < n:
        if not words:
            words = list(base.philox([block, 0, resample & 0xFFFFFFFF, resample >> 32], key))
            block += 1
        product = words.pop(0) * n
        if product % 2**32 >= (2**32 - n) % n:
            result.append(product >> 32)
    return np.array(result)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 3), (101, 1), (1009, 6)])
def test_means_of_the_named_streams(n, m, weighted):
    """Resample b is stream (seed, b) of the counter-based generator: reproducible outside this kernel."""
    rng = np.random.default_rng(n)
    x, w = rng.random((n, m)), rng.random(n) + 0.5
    seed = 2**40 + 17
    got = metrics.bootstrap_means(x, w if weighted else None, seed, 5, 2)
    assert got.shape == (5, m)
    for b in range(5):
        j = draws(seed, b, n)
        expected = np.average(x[j], axis=0, weights=w[j] if weighted else None)
        np.testing.assert_allclose(got[b], expected, rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_same_bits_on_any_number_of_threads(weighted):
    """Each resample has its own stream, so nobody's draws depend on who came first."""
    x = np.random.default_rng(0).random((997, 3))
    weights = x[:, :1].ravel() if weighted else None
    first = metrics.bootstrap_means(x, weights, 3, 211, 1)
    for threads in (2, 3, 5):
        np.testing.assert_array_equal(metrics.bootstrap_means(x, weights, 3, 211, threads), first)
    np.testing.assert_array_equal(metrics.bootstrap_means(x, weights, 3, 7, 1), first[:7])


def test_spread_is_the_standard_error():
    """The variance of resampled means is the sample variance over n (with divisor n)."""
    x = np.random.default_rng(1).exponential(size=(500, 1))
    means = metrics.bootstrap_means(x, None, 0, 5000, 2)
    assert means.std() == pytest.approx(x.std() / np.sqrt(500), rel=0.05)
    assert means.mean() == pytest.approx(x.mean(), abs=4 * x.std() / np.sqrt(500 * 5000))


def test_shapes_are_checked():
    """Whatever Python hands over, no memory is read that is not there."""
    x = np.zeros((3, 2))
    assert metrics.bootstrap_means(x, None, 0, 0, 1).shape == (0, 2)
    for arguments in [
        (x[0], None, 0, 1, 1),
        (x[:0], None, 0, 1, 1),
        (x, np.ones(2), 0, 1, 1),
        (x, None, 0, -1, 1),
        (x, None, 0, 1, 0),
    ]:
        with pytest.raises(ValueError, match="expected"):
            metrics.bootstrap_means(*arguments)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        metrics.bootstrap_means(x.astype(np.float32), None, 0, 1, 1)
