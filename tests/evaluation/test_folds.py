"""Folds as the cuts put them together: pairs, candidates, thresholds, identity."""

import hashlib

import numpy as np
import pytest
from tests.evaluation import published

from eckart.base.csr import Csr
from eckart.evaluation.folds import Fold, csr_of_pairs, is_among, pairs, relevant_entries

RATINGS = published.ratings_of(published.frame(n=600))


@pytest.mark.parametrize("n", [0, 1, 7, 1009])
@pytest.mark.parametrize("n_others", [0, 1, 501])
def test_is_among_is_numpys_isin(n, n_others):
    """A pair that is missed stays in training and in test."""
    rng = np.random.default_rng(n)
    keys, others = rng.integers(0, 700, n), rng.integers(0, 700, n_others)
    np.testing.assert_array_equal(is_among(keys, others), np.isin(keys, others))


@pytest.mark.parametrize("n", [0, 1, 997])
def test_csr_of_pairs(n):
    """Repeated pairs stand once, empty rows stay, columns rise."""
    rng = np.random.default_rng(n)
    users, items = rng.integers(0, 53, n), rng.integers(0, 31, n)
    dense = np.zeros((53, 31), dtype=bool)
    dense[users, items] = True
    found = csr_of_pairs(users * np.int64(31) + items, 53, 31)
    assert found.indices.dtype == np.int32
    assert found.indptr.dtype == np.int64
    for user in range(53):
        assert found.row(user)[0].tolist() == np.flatnonzero(dense[user]).tolist()


def test_relevant_entries():
    """The threshold is met by equal ratings; clicks and None keep all; users may be left with nothing."""
    rows = Csr(np.array([0, 2, 2, 5]), np.array([0, 3, 1, 2, 4], np.int32), np.array([3.0, 4, 1, 5, 4]), 5)
    found = relevant_entries(rows, 4)
    assert (found.indptr.tolist(), found.indices.tolist()) == ([0, 1, 1, 3], [3, 2, 4])
    assert relevant_entries(rows, 6).indptr.tolist() == [0, 0, 0, 0]
    assert relevant_entries(rows, None).indices.tolist() == rows.indices.tolist()
    assert relevant_entries(rows.pattern, 4).indices.tolist() == rows.indices.tolist()


def test_every_part_is_in_the_hash():
    """Two splits that differ in anything must not look comparable."""

    def hash_of(fold):
        digest = hashlib.sha256()
        fold.update_hash(digest)
        return digest.hexdigest()

    train, test = RATINGS[::2], RATINGS[1::2]
    candidates = csr_of_pairs(pairs(test), test.n_users, test.n_items)
    different = [
        Fold(train, test),
        Fold(train[1:], test),
        Fold(train, test[1:]),
        Fold(train, test, known=train),
        Fold(train, test, candidates=candidates),
        Fold(train, test, candidates=csr_of_pairs(pairs(test)[1:], test.n_users, test.n_items)),
    ]
    assert len({hash_of(fold) for fold in different}) == len(different)
    assert hash_of(Fold(train[::-1], test)) == hash_of(different[0])  # the order of rows decides nothing
