"""Synthetic ratings: the promised shape, the promised answer, the promised bits."""

import hashlib

import numpy as np
import pytest

import eckart as ek
from eckart.datasets import make_ratings


def checksum(made):
    digest = hashlib.sha256()
    for array in (made.ratings.user_index, made.ratings.item_index, made.ratings.values, *made[1:5]):
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


@pytest.fixture
def threads():
    yield ek.set_num_threads
    ek.set_num_threads(None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "771fab7f8e694a30"),
        ({"users": 943, "items": 1682, "n": 100_000}, "2dc32343dd384c8c"),
        ({"users": 10, "items": 100, "n": 100}, "eaeb58d1f6fc4b1c"),
    ],
)
def test_the_same_bits_everywhere(arguments, expected):
    """Results in papers and issues can be compared only if everyone has the same data."""
    assert checksum(make_ratings(**arguments, random_state=0)) == expected


def test_bits_do_not_depend_on_threads(threads):
    """One stream a row: it does not matter who draws it."""
    sums = set()
    for n in (1, 2, 3, 5):
        threads(n)
        sums.add(checksum(make_ratings(300, 200, 9001, random_state=7)))
    assert len(sums) == 1


def test_seeds_differ_and_generators_are_taken():
    """random_state behaves as everywhere in scikit-learn."""
    assert checksum(make_ratings(random_state=1)) != checksum(make_ratings(random_state=2))
    first, second = (checksum(make_ratings(random_state=np.random.default_rng(3))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("users", "items", "n"),
    [
        (1, 1, 1),
        (10, 7, 70),
        (10, 100, 100),
        (100, 10, 100),
        (50, 3, 20),
        (7, 11, 76),
        (1, 997, 997),
        (997, 1, 997),
        (211, 307, 307),
        (400, 90, 20_000),
    ],
)
def test_exactly_n_distinct_pairs_and_nobody_without(users, items, n):
    """Crowded, sparse and degenerate shapes keep every promise of the docstring."""
    ratings = make_ratings(users, items, n, random_state=1).ratings
    assert len(ratings) == n
    assert ratings.n_repeated == 0
    assert (ratings.n_users, ratings.n_items) == (users, items)
    if n >= users:
        assert ratings.by_user.counts.min() >= 1
    if n >= items:
        assert ratings.by_item.counts.min() >= 1
    assert (np.diff(ratings.user_index.astype(np.int64) * items + ratings.item_index) > 0).all()


def test_long_tails():
    """A benchmark on evenly spread ratings would flatter every algorithm."""
    ratings = make_ratings(20_000, 4_000, 1_000_000, random_state=0).ratings
    activity, popularity = ratings.by_user.counts, ratings.by_item.counts
    assert activity.max() > 30 * np.median(activity)
    assert 0.2 < popularity.max() / ratings.n_users < 0.7
    assert popularity.mean() > 4 * np.median(popularity)
    codes = np.arange(ratings.n_users)
    assert abs(np.corrcoef(codes, activity)[0, 1]) < 0.02  # who is active has nothing to do with the code


def test_values_follow_the_true_model():
    """The known answer is the point: the residual is the noise, normal and of the right size."""
    made = make_ratings(500, 300, 30_000, rank=5, noise=0.25, random_state=4)
    u, i = made.ratings.user_index, made.ratings.item_index
    signal = made.mean + made.user_biases[u] + made.item_biases[i]
    signal += np.einsum("nk,nk->n", made.user_factors[u], made.item_factors[i])
    residual = (made.ratings.values - signal) / 0.25
    assert abs(residual.mean()) < 0.03
    assert abs(residual.std() - 1) < 0.03
    assert abs((residual**4).mean() - 3) < 0.3
    assert made.user_factors.shape == (500, 5)


def test_without_noise_the_matrix_has_the_rank_it_says():
    """Exact completion methods are tested on this."""
    made = make_ratings(40, 30, 1200, rank=3, noise=0, random_state=0)
    matrix = made.ratings.to_scipy().toarray()
    singular = np.linalg.svd(matrix, compute_uv=False)
    assert singular[4] > 1e-2  # mean and biases add two to the rank of 3
    assert singular[5] < 1e-4


def test_normal_numbers_are_normal():
    """The logarithm and the polar method are our own: check them against SciPy's distribution."""
    from scipy import stats

    biases = make_ratings(50_000, 2, 50_000, random_state=5).user_biases / 0.4
    assert stats.kstest(biases, "norm").pvalue > 0.01
    assert np.abs(biases).max() > 3.5


def test_step_rounds_to_stars():
    """Real ratings lie on a scale."""
    values = make_ratings(random_state=0, step=0.5).ratings.values
    assert set(np.unique(values).tolist()) == set(np.arange(0.5, 5.1, 0.5).tolist())


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"users": 0}, "users"),
        ({"items": 1.5}, "items"),
        ({"n": 500_001}, "n"),
        ({"rank": 0}, "rank"),
        ({"noise": -1}, "noise"),
        ({"step": 0}, "step"),
        ({"random_state": "x"}, "random_state"),
    ],
)
def test_bad_parameters_are_named(arguments, name):
    """The message must lead to the mistake."""
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        make_ratings(**arguments)
