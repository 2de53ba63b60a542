"""Subnormal numbers are flushed within kernels and nowhere else."""

import numpy as np
import pytest

from eckart._native import base


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 3])
def test_flushed_within_and_restored_after(dtype, threads):
    """They slow a multiply a hundredfold; but the caller's own arithmetic must not change behind his back."""
    tiny = np.finfo(dtype).tiny
    out = np.empty((256, 64), dtype=dtype)
    base.fill_normal(out, 0, 0, float(tiny), threads)
    size = np.abs(out)
    assert (size[size > 0] >= tiny).all()
    assert 0.6 < (out == 0).mean() < 0.75  # P(|normal| < 1) = 0.68
    halves = np.full(3, tiny, dtype=dtype) / 2
    assert (halves > 0).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_restored_after_an_exception(threads):
    """A kernel that fails must leave the mode as it found it."""
    with pytest.raises(RuntimeError):
        base.parallel_probe(8, 3, 0.0, threads)
    assert np.finfo(np.float64).tiny / np.float64(2) > 0
