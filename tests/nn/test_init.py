"""Initialisations: their scales, and what depends on the seed."""

import numpy as np
import pytest

from eckart.nn import init

SHAPE = (200, 50, 3, 3)  # fan in 450, fan out 1800


@pytest.mark.parametrize(
    ("make", "variance"),
    [
        (lambda: init.kaiming_uniform(SHAPE, random_state=0), 2 / 450),
        (lambda: init.kaiming_normal(SHAPE, random_state=0), 2 / 450),
        (lambda: init.kaiming_normal(SHAPE, "linear", random_state=0), 1 / 450),
        (lambda: init.xavier_uniform(SHAPE, random_state=0), 2 / 2250),
        (lambda: init.xavier_normal(SHAPE, 3.0, random_state=0), 9 * 2 / 2250),
        (lambda: init.normal(SHAPE, 0.02, random_state=0), 0.02**2),
        (lambda: init.default_weight(SHAPE, 450, random_state=0), 1 / 450 / 3),
    ],
)
def test_variance_is_the_papers(make, variance):
    """A wrong constant makes deep networks explode or fade: 90,000 draws know it to a percent."""
    weights = make()
    assert weights.dtype == np.float32
    assert weights.shape == SHAPE
    assert abs(weights.mean()) < 4 * np.sqrt(variance / weights.size)
    np.testing.assert_allclose(weights.var(), variance, rtol=0.02)
    np.testing.assert_array_equal(weights, make())


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (4, 1, 3, 3), (1, 1)])
def test_orthogonal(shape):
    """Orthonormal rows (or columns) keep the length of what passes."""
    w = init.orthogonal(shape, 2.0, random_state=1).reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)


def test_errors():
    """A vector has no fans, and an unknown activation no gain."""
    with pytest.raises(ValueError, match="shape: expected"):
        init.kaiming_normal((3,))
    with pytest.raises(ValueError, match="nonlinearity: expected one of"):
        init.kaiming_uniform((3, 3), "swish")
