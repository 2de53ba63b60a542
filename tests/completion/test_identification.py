"""What a mask determines, against the dense Jacobian, brute force and simulation."""

import numpy as np
import pytest
from scipy import sparse

from eckart.completion import identifiability, recovery_bound
from eckart.data import Ratings


def random_mask(n, m, size, seed):
    mask = np.zeros(n * m, dtype=bool)
    mask[np.random.default_rng(seed).choice(n * m, size, replace=False)] = True
    return mask.reshape(n, m)


def dense_rank(mask, rank, seed=0):
    """The rank of the whole Jacobian at a random matrix, by its singular values."""
    rng = np.random.default_rng(seed)
    n, m = mask.shape
    u, v = rng.standard_normal((n, rank)), rng.standard_normal((m, rank))
    rows = []
    for i, j in zip(*np.nonzero(mask), strict=True):
        row = np.zeros((n + m, rank))
        row[i], row[n + j] = v[j], u[i]
        rows.append(row.ravel())
    return np.linalg.matrix_rank(np.array(rows), tol=1e-8)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_determinable_is_a_jacobian_of_full_rank(rank):
    """Peeling and conjugate gradients decide as the singular values of the dense Jacobian do."""
    n, m = 14, 11
    freedom, decided = rank * (n + m - rank), set()
    for seed in range(40):
        mask = random_mask(n, m, int(freedom * (1.0 + 0.05 * (seed % 20))), seed)
        found = identifiability(mask, rank)
        expected = dense_rank(mask, rank) == freedom
        assert found.determinable == expected, seed
        decided.add(expected)
    assert decided == {True, False}


def test_facts_of_the_mask():
    """Degrees of freedom k (n + m - k) and rho are the issue's own formulas."""
    found = identifiability(random_mask(20, 30, 300, 0), 4)
    assert found.degrees_of_freedom == 4 * 46
    assert found.oversampling == 300 / 184
    assert found.n_observed == 300
    assert found.shape == (20, 30)
    assert found.coherence is None


def test_rows_without_enough_entries_are_named():
    """A row with fewer entries than the rank is not determined, and no other row suffers from it."""
    mask = random_mask(40, 30, 700, 1)
    mask[3] = False
    mask[3, :1] = True
    mask[:, 7] = False
    found = identifiability(mask, 2)
    assert np.flatnonzero(~found.rows).tolist() == [3]
    assert np.flatnonzero(~found.columns).tolist() == [7]
    assert not found.determinable
    assert found.full_jacobian
    cells = found.undeterminable
    assert cells.shape == (40, 30)
    assert cells[3].all()
    assert cells[:, 7].all()
    assert cells.sum() == 40 + 30 - 1


def test_chains_of_rows_that_hang_on_one_another():
    """A column that only undetermined rows reach is not determined either."""
    mask = np.zeros((12, 12), dtype=bool)
    mask[:10, :10] = random_mask(10, 10, 80, 2)
    mask[10, [0, 1]] = True  # as many entries as the rank: follows from the block
    mask[[10, 0], 10] = True  # follows from the block and row 10
    mask[11, 11] = True  # on its own
    found = identifiability(mask, 2)
    assert found.rows.tolist() == [True] * 11 + [False]
    assert found.columns.tolist() == [True] * 11 + [False]


def test_entries_of_the_core_may_still_not_be_enough():
    """Two full blocks that share nothing: every row has entries enough, but not what relates the blocks."""
    mask = np.kron(np.eye(2, dtype=bool), np.ones((6, 6), dtype=bool))
    found = identifiability(mask, 2)
    assert found.full_jacobian is False
    assert not found.rows.any()
    assert found.undeterminable.all()


def test_too_few_entries():
    """Fewer entries than degrees of freedom determine nothing, and no probability is left."""
    found = identifiability(random_mask(20, 20, 60, 0), 2)
    assert not found.determinable
    assert found.probability == 0.0
    assert identifiability(np.zeros((4, 5), dtype=bool), 2).n_observed == 0


def test_every_form_of_a_mask():
    """Masks come as arrays, sparse matrices, ratings and pairs: the same answer, stored zeros included."""
    mask = random_mask(15, 12, 120, 3)
    rows, columns = np.nonzero(mask)
    stored = sparse.coo_array((np.zeros(len(rows)), (rows, columns)), shape=mask.shape)
    ratings = Ratings.from_dense(np.where(mask, 1.0, np.nan))
    for other in (stored.tocsr(), ratings, (rows, columns)):
        found = identifiability(other, 3, shape=(15, 12) if isinstance(other, tuple) else None)
        expected = identifiability(mask, 3)
        assert found.shape == expected.shape
        assert np.array_equal(found.rows, expected.rows)
        assert found.full_jacobian == expected.full_jacobian


def test_jacobian_can_be_left_out():
    """The check of a huge mask costs; without it, what is in the core is taken for determined."""
    blocks = np.kron(np.eye(2, dtype=bool), np.ones((6, 6), dtype=bool))
    found = identifiability(blocks, 2, jacobian=False)
    assert found.full_jacobian is None
    assert found.determinable


def test_coherence_of_an_estimate():
    """With factors at hand, their coherence stands beside the mask."""
    mask = random_mask(15, 12, 120, 3)
    found = identifiability(mask, 1, factors=(np.ones((15, 1)), np.ones((12, 1))))
    assert found.coherence is not None
    assert found.coherence.e == pytest.approx(1)


def test_bound_of_the_lecture():
    """2000 x 2000, rank 8: the course's table of what no method can exceed."""
    shares = (0.0025, 0.0050, 0.0075, 0.0100, 0.0125, 0.0150, 0.0175)
    found = [recovery_bound((2000, 2000), 8, share) for share in shares]
    np.testing.assert_allclose(found, [0, 0, 0, 0.05, 0.92, 0.998, 1], atol=0.002)


def test_bound_against_simulation():
    """The bound is the share of random masks whose rows and columns all hold entries enough."""
    rng = np.random.default_rng(0)
    masks = rng.random((2000, 30, 20)) < 0.3
    share = np.mean((masks.sum(axis=1).min(axis=1) >= 3) & (masks.sum(axis=2).min(axis=1) >= 3))
    assert recovery_bound((30, 20), 3, 0.3) == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize(
    ("mask", "rank", "error", "said"),
    [
        (np.ones((3, 4), dtype=bool), 4, ValueError, "rank: expected an integer <= 3"),
        (np.ones((3, 4), dtype=bool), 0, ValueError, "rank: expected an integer >= 1"),
        (np.ones(3, dtype=bool), 1, ValueError, "bool array"),
        (([0.5], [1]), 1, ValueError, "rows as whole numbers"),
        (([0, 1], [1]), 1, ValueError, "rows as whole numbers|columns as whole numbers"),
        (([0, 0], [1, 1]), 1, ValueError, "repeated"),
        ("mask", 1, TypeError, "mask: expected Ratings"),
    ],
)
def test_bad_arguments(mask, rank, error, said):
    """What is no mask, or no rank of it, is refused by name."""
    with pytest.raises(error, match=said):
        identifiability(mask, rank)
