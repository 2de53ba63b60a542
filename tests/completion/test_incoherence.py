"""Coherence against the dense formulas, and at its extremes."""

import numpy as np
import pytest

from eckart.completion import coherence


def dense(matrix, rank):
    """Candès and Tao 2010, section I.C, with whole matrices."""
    n, m = matrix.shape
    u, _, vt = np.linalg.svd(matrix)
    u, v = u[:, :rank], vt[:rank].T
    p, q, e = u @ u.T, v @ v.T, u @ v.T
    return {
        "rows": n / rank * np.diag(p).max(),
        "columns": m / rank * np.diag(q).max(),
        "p": np.abs(p - rank / n * np.eye(n)).max() * n / np.sqrt(rank),
        "q": np.abs(q - rank / m * np.eye(m)).max() * m / np.sqrt(rank),
        "e": np.abs(e).max() * np.sqrt(n * m / rank),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "m", "rank"), [(7, 5, 1), (31, 47, 3), (60, 13, 13)])
def test_equals_the_dense_formulas(n, m, rank, dtype):
    """P, Q and E are never whole in memory here; their bounds must be those of the whole."""
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((n, rank)).astype(dtype), rng.standard_normal((m, rank)).astype(dtype)
    found = coherence(u, v)
    assert found.rank == rank
    for name, expected in dense(u.astype(float) @ v.T.astype(float), rank).items():
        assert getattr(found, name) == pytest.approx(expected, rel=1e-6), name
    assert found.strong == max(found.p, found.q, found.e)


def test_depends_on_the_matrix_alone():
    """Another basis of the same factors, or columns that add nothing, change nothing."""
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((20, 3)), rng.standard_normal((30, 3))
    mix = rng.standard_normal((3, 3))
    one, other = coherence(u, v), coherence(u @ mix, v @ np.linalg.inv(mix).T)
    wide = coherence(np.hstack([u, u]), np.hstack([v, v]))
    assert wide.rank == 3
    for found in (other, wide):
        assert found.e == pytest.approx(one.e, rel=1e-9)
        assert found.p == pytest.approx(one.p, rel=1e-9)


def test_extremes():
    """A constant matrix is as spread as can be, a single spike as concentrated as can be."""
    flat = coherence(np.ones((8, 1)), np.ones((4, 1)))
    assert (flat.rows, flat.columns, flat.e) == pytest.approx((1, 1, 1))
    spike = coherence(np.eye(8)[:, [2]], np.eye(4)[:, [1]])
    assert (spike.rows, spike.columns) == pytest.approx((8, 4))
    assert spike.e == pytest.approx(np.sqrt(32))


@pytest.mark.parametrize(
    ("u", "v", "said"),
    [
        (np.ones((3, 2)), np.ones((4, 1)), "expected"),
        (np.ones(3), np.ones((4, 1)), "expected"),
        (np.zeros((3, 2)), np.ones((4, 2)), "not zero"),
    ],
)
def test_bad_factors(u, v, said):
    """Factors that make no matrix, or only zeros, are refused with what was expected."""
    with pytest.raises(ValueError, match=said):
        coherence(u, v)
