"""The most rated items for everyone."""

import numpy as np

from eckart.completion import Popularity
from eckart.data import Ratings
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = Popularity()


def test_counts_and_means_by_hand():
    """Ranks by the number of ratings, predicts their mean; an unrated item gets the global mean."""
    matrix = np.array([[5.0, 1.0, np.nan], [4.0, np.nan, np.nan], [np.nan, 3.0, np.nan], [3.0, 2.0, np.nan]])
    model = Popularity().fit(matrix)
    np.testing.assert_array_equal(model.item_counts_, [3, 3, 0])
    np.testing.assert_allclose(model.item_means_, [4.0, 2.0, 3.0])
    np.testing.assert_allclose(model.predict([0, 0, 0, 77], [0, 1, 2, 77]), [4, 2, 3, 3])
    found = model.recommend(k=3, exclude_seen=False)
    np.testing.assert_array_equal(found.items, [[0, 1, 2]] * 4)
    np.testing.assert_array_equal(found.scores, [[3, 3, 0]] * 4)
    assert model.recommend(0, k=3).items[0].compressed().tolist() == [2]


def test_counted_events():
    """Clicks: a pair counts once for popularity, its number of events is its value."""
    events = Ratings.from_arrays([1, 1, 1, 2], ["a", "a", "b", "b"])
    model = Popularity().fit(events)
    assert dict(zip(model.items_.ids(), model.item_counts_.tolist(), strict=True)) == {"a": 1, "b": 2}
    assert model.predict(2, "a")[0] == 2


def test_same_list_for_everyone():
    """But for what each has seen."""
    model = Popularity().fit(small_ratings())
    found = model.recommend(k=5, exclude_seen=False)
    assert (found.items == found.items[0]).all()
