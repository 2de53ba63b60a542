"""One rating a pair: the policies against a dictionary."""

import numpy as np
import pytest

from eckart.data import Ratings


def crowded(n=2003, seed=0, timestamps=True):
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, 19, n), rng.integers(0, 23, n), rng.normal(size=n)
    return (*columns, rng.integers(0, 40, n) if timestamps else None)


def by_hand(users, items, values, times, policy):
    """Row by row, as the documentation reads."""
    seen = {}
    for row, (u, i, v) in enumerate(zip(users.tolist(), items.tolist(), values.tolist(), strict=True)):
        seen.setdefault((u, i), []).append((0 if times is None else int(times[row]), row, v))
    combine = {
        "last": lambda rows: max(rows)[2],
        "mean": lambda rows: np.mean([v for *_, v in rows]),
        "sum": lambda rows: np.sum([v for *_, v in rows]),
    }[policy]
    return {pair: (combine(rows), max(rows)[0]) for pair, rows in seen.items()}


@pytest.mark.parametrize("policy", ["last", "mean", "sum"])
@pytest.mark.parametrize("timestamps", [True, False])
def test_policies(policy, timestamps):
    """Each pair once, in the place of its first row, with its latest time."""
    users, items, values, times = crowded(timestamps=timestamps)
    ratings = Ratings.from_arrays(users, items, values, timestamps=times, duplicates=policy, dtype=np.float64)
    expected = by_hand(users, items, values, times, policy)
    assert [rating[:2] for rating in ratings] == list(expected)
    np.testing.assert_allclose(ratings.values, [value for value, _ in expected.values()], rtol=1e-13)
    if timestamps:
        assert ratings.timestamps.tolist() == [time for _, time in expected.values()]
    assert ratings.n_repeated == 0


def test_without_repetition_nothing_changes():
    """No copy where there is nothing to do."""
    ratings = Ratings.from_arrays([1, 2], [1, 2], [1, 2])
    assert ratings.deduplicated("mean") is ratings


def test_drawn_with_replacement_can_be_resolved():
    """A bootstrap sample repeats rows: allowed, and visible."""
    ratings = Ratings.from_arrays([1, 2], [5, 6], [1, 3])[[0, 0, 1, 0]]
    assert ratings.n_repeated == 2
    assert list(ratings.deduplicated("sum")) == [(1, 5, 3.0), (2, 6, 3.0)]
    with pytest.raises(ValueError, match="2 repeated"):
        ratings.deduplicated()
