"""The Gram matrix of shifted rows against NumPy in higher precision, under any number of threads."""

import numpy as np
import pytest

from eckart._native import linalg as native

SHAPES = [
    (0, 3),
    (3, 0),
    (1, 1),
    (2, 5),
    (63, 49),
    (64, 48),
    (65, 7),
    (601, 37),
    (1031, 97),
    (9001, 23),
    (40, 1201),
]
TOLERANCE = {np.float32: 3e-6, np.float64: 1e-14}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_equals_numpy(n, d, dtype):
    """Every width of the last strip, blocks and slabs that do not come out even, both triangles."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d)).astype(dtype)
    shift = rng.standard_normal(d).astype(dtype)
    gram, total = native.shifted_gram(x, shift, 2)
    exact = (x - shift).astype(np.longdouble)
    scale = max(1.0, float((exact**2).sum(axis=0).max(initial=0)))
    assert gram.dtype == total.dtype == np.float64
    np.testing.assert_allclose(gram, (exact.T @ exact).astype(float), rtol=0, atol=TOLERANCE[dtype] * scale)
    np.testing.assert_allclose(total, exact.sum(axis=0).astype(float), rtol=0, atol=TOLERANCE[dtype] * scale)
    assert np.array_equal(gram, gram.T)


def test_threads_change_no_bit():
    """Cuts depend on the shape alone, whether they are made by rows or by columns."""
    rng = np.random.default_rng(1)
    for shape in ((9001, 101), (700, 401)):
        for dtype in (np.float32, np.float64):
            x = rng.standard_normal(shape).astype(dtype)
            one = native.shifted_gram(x, x[0], 1)
            for threads in (2, 3, 5):
                other = native.shifted_gram(x, x[0], threads)
                assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_what_does_not_fit_is_refused():
    """The boundary is memory-safe, whatever Python passes."""
    x = np.ones((4, 3))
    with pytest.raises(ValueError, match="shift: expected a vector of length 3"):
        native.shifted_gram(x, np.ones(2), 1)
    with pytest.raises(TypeError):
        native.shifted_gram(x, np.ones(3, np.float32), 1)
    with pytest.raises(TypeError):
        native.shifted_gram(x[:, ::2], np.ones(2), 1)
