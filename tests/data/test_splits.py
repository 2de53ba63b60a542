"""Splits: disjoint, complete, seeded, and without looking into the future."""

import numpy as np
import pytest

from eckart.data import Ratings, k_fold, leave_last_out_split, random_split, time_split, user_holdout_split


@pytest.fixture
def ratings():
    rng = np.random.default_rng(0)
    cells = np.unique((61 * 47 * rng.random(3000) ** 2).astype(int))
    rng.shuffle(cells)
    n = len(cells)
    return Ratings.from_arrays(cells // 47, cells % 47, rng.normal(size=n), timestamps=rng.integers(0, 60, n))


def pairs(part):
    return list(zip(part.user_index.tolist(), part.item_index.tolist(), part.values.tolist(), strict=True))


def assert_partition(whole, train, test):
    assert sorted(pairs(train) + pairs(test)) == sorted(pairs(whole))
    assert not set(pairs(train)) & set(pairs(test))
    for part in (train, test):
        assert part.users is whole.users
        assert part.items is whole.items
        place = {pair: row for row, pair in enumerate(pairs(whole))}
        rows = [place[pair] for pair in pairs(part)]
        assert rows == sorted(rows)
        np.testing.assert_array_equal(part.timestamps, whole.timestamps[rows])


SPLITS = {
    "random": lambda r, seed=0: random_split(r, 0.13, random_state=seed),
    "user share": lambda r, seed=0: user_holdout_split(r, 0.3, random_state=seed),
    "user count": lambda r, seed=0: user_holdout_split(r, 2, random_state=seed),
    "last": lambda r: leave_last_out_split(r, 2),
    "time": lambda r: time_split(r, 0.2),
    "time at": lambda r: time_split(r, at=30),
}


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
def test_parts_are_disjoint_and_complete(ratings, split):
    """A rating in both parts makes every result too good."""
    assert_partition(ratings, *split(ratings))


@pytest.mark.parametrize("name", ["random", "user share", "user count"])
def test_seeds(ratings, name):
    """The same seed, the same split; another seed, another."""
    first, again, other = (pairs(SPLITS[name](ratings, seed)[1]) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_random_split_is_the_same_on_every_machine():
    """Published results name a seed: its rows are pinned here."""
    ratings = Ratings.from_arrays(np.zeros(20, int), np.arange(20), np.ones(20))
    assert random_split(ratings, 5, random_state=0)[1].item_index.tolist() == [2, 10, 12, 15, 19]


def test_random_split_sizes(ratings):
    """A share is rounded; a number is meant."""
    n = len(ratings)
    assert len(random_split(ratings, 0.1, random_state=0)[1]) == round(0.1 * n)
    assert len(random_split(ratings, 17, random_state=0)[1]) == 17


@pytest.mark.parametrize("size", [0, 1.0, 10**6, -1, 1e-9, "x", True, np.nan])
def test_impossible_sizes(ratings, size):
    """Both parts must hold something."""
    for split in (random_split, time_split):
        with pytest.raises(ValueError, match="test_size: expected"):
            split(ratings, size)


def test_user_holdout_takes_from_everyone(ratings):
    """Every user is judged in proportion and keeps something to learn from."""
    counts = ratings.by_user.counts
    train, test = user_holdout_split(ratings, 0.3, random_state=0)
    expected = np.minimum(np.floor(0.3 * counts + 0.5), np.maximum(counts - 1, 0))
    np.testing.assert_array_equal(test.by_user.counts, expected)
    assert (train.by_user.counts[counts > 0] >= 1).all()
    _, test = user_holdout_split(ratings, 3, random_state=0)
    np.testing.assert_array_equal(test.by_user.counts, np.minimum(3, np.maximum(counts - 1, 0)))


def test_user_holdout_draws_evenly():
    """No item may be likelier to be tested because of its place."""
    ratings = Ratings.from_arrays(np.repeat(np.arange(4000), 5), np.tile(np.arange(5), 4000), np.ones(20_000))
    counts = user_holdout_split(ratings, 1, random_state=0)[1].by_item.counts
    assert np.abs(counts - 800).max() < 4 * np.sqrt(800)


def test_leave_last_out(ratings):
    """Everything held out is at least as late as what its user keeps; ties go to the later row."""
    train, test = leave_last_out_split(ratings)
    for user in range(ratings.n_users):
        kept, held = train.timestamps[train.user_index == user], test.timestamps[test.user_index == user]
        assert len(held) == min(1, max(0, len(kept) + len(held) - 1))
        if len(held):
            assert held.min() >= kept.max()
    tied = Ratings.from_arrays([1, 1, 1, 2], [1, 2, 3, 1], [1, 2, 3, 4], timestamps=[7, 9, 9, 1])
    assert list(leave_last_out_split(tied)[1]) == [(1, 3, 3.0)]
    assert list(leave_last_out_split(tied, 5)[0]) == [(1, 1, 1.0), (2, 1, 4.0)]


def test_time_split_never_looks_ahead(ratings):
    """The leak that makes offline results useless: ratings of one time stay on one side."""
    train, test = time_split(ratings, 0.2)
    assert train.timestamps.max() < test.timestamps.min()
    per_time = np.bincount(ratings.timestamps).max()
    assert abs(len(test) - 0.2 * len(ratings)) <= per_time
    train, test = time_split(ratings, at=30)
    assert (train.timestamps.max(), test.timestamps.min()) == (29, 30)


@pytest.mark.parametrize(
    ("times", "first"), [([5, 5, 5, 9], 9), ([1, 5, 5, 5], 5), ([1, 2, 3, 4], 3), ([4, 1, 3, 2], 3)]
)
def test_time_split_takes_the_nearest_border(times, first):
    """Half of four, as near as equal times allow."""
    ratings = Ratings.from_arrays([1, 2, 3, 4], [1, 1, 1, 1], timestamps=times)
    assert time_split(ratings, 0.5)[1].timestamps.min() == first


def test_time_needs_times(ratings):
    """The message names what is missing."""
    plain = Ratings.from_arrays([1, 1], [1, 2], [1, 2])
    for split in (time_split, leave_last_out_split):
        with pytest.raises(ValueError, match="timestamps: expected"):
            split(plain)
    same = Ratings.from_arrays([1, 1], [1, 2], [1, 2], timestamps=[7, 7])
    with pytest.raises(ValueError, match="two distinct times, got only 7"):
        time_split(same, 0.5)
    with pytest.raises(ValueError, match=r"at: expected a time.*0 to 59"):
        time_split(ratings, at=99)
    with pytest.raises(ValueError, match="at: expected an integer"):
        time_split(ratings, at="2020")
    lonely = Ratings.from_arrays([1, 2], [1, 2], [1, 2], timestamps=[1, 2])
    with pytest.raises(ValueError, match="several ratings"):
        leave_last_out_split(lonely)


def test_k_fold_tests_everything_once(ratings):
    """The folds of cross-validation."""
    folds = list(k_fold(ratings, 7, random_state=0))
    assert len(folds) == 7
    assert sorted(p for _, test in folds for p in pairs(test)) == sorted(pairs(ratings))
    sizes = [len(test) for _, test in folds]
    assert max(sizes) - min(sizes) <= 1
    for train, test in folds:
        assert_partition(ratings, train, test)
    assert pairs(next(k_fold(ratings, 7, random_state=0))[1]) == pairs(folds[0][1])
    with pytest.raises(ValueError, match="n_splits: expected"):
        k_fold(ratings, 1)
    with pytest.raises(ValueError, match="n_splits: expected"):
        k_fold(ratings[:3], 4)
