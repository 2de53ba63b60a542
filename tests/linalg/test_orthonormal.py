"""Orthonormal bases of blocks that are well, badly, or not at all of full rank."""

import numpy as np
import pytest

from eckart.linalg import orthonormalize, single_threaded


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("condition", [1.0, 1e3, 1e9, np.inf])
@pytest.mark.parametrize("size", [0, 5])
def test_orthonormal_to_rounding(dtype, condition, size):
    """Also where squared lengths cannot be told from rounding: later passes find what the first lost."""
    rng = np.random.default_rng(0)
    buffer = np.linalg.qr(rng.normal(size=(700, 9)))[0].astype(dtype)
    block = (rng.normal(size=(700, 4)) * np.array([1, condition**-0.5, 1, 1 / condition])) @ rng.normal(
        size=(4, 4)
    )
    block = (block + buffer[:, :4] @ rng.normal(size=(4, 4))).astype(dtype)
    with single_threaded():
        q, c, r = orthonormalize(block.copy(), rng, buffer, size)
    eps = 50 * np.finfo(dtype).eps
    whole = np.concatenate([buffer[:, :size], q], axis=1)
    np.testing.assert_allclose(whole.T @ whole, np.eye(size + 4), atol=eps)
    np.testing.assert_allclose(buffer[:, :size] @ c + q @ r, block, atol=eps * np.linalg.norm(block))


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e12])
def test_scale_and_zeros(scale):
    """A block of zeros gives random directions and zeros beside them; lengths are carried by r alone."""
    rng = np.random.default_rng(1)
    block = scale * rng.normal(size=(50, 3))
    with single_threaded():
        q, _, r = orthonormalize(block.copy(), rng)
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-13)
    np.testing.assert_allclose(q @ r, block, atol=1e-13 * scale)
