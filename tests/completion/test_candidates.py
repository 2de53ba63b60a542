"""Which items may be recommended: forms of candidates, and what is refused."""

import numpy as np
import pytest

from eckart.completion import ALS, Popularity
from eckart.completion._candidates import candidate_rows, is_per_user
from eckart.data import Ratings
from eckart.data.vocabulary import Vocabulary
from eckart.testing import small_ratings


@pytest.fixture
def model():
    return Popularity().fit(small_ratings())


@pytest.mark.parametrize(
    ("candidates", "per_user"),
    [
        (None, False), ("item-00", False), (["a", "b"], False), (np.array([1, 2]), False), ([], False),
        ((3, 4), False), ({1: ["a"]}, True), ([["a"], ["b"]], True), (np.array([[1, 2]]), True),
        ([np.array([1]), [2, 3]], True), (({1, 2}, {3}), True), ([[]], True),
    ],
)  # fmt: skip
def test_one_list_for_all_or_one_a_user(candidates, per_user):
    """The form says what is meant: lists in a list, rows of an array, a mapping."""
    assert is_per_user(candidates) == per_user


def test_rows_are_distinct_and_rising():
    """What the kernels rely on, whatever order the caller has; blocked items are gone."""
    items, users = Vocabulary.from_range(10), Vocabulary.from_range(4)
    codes = np.array([2, 0, 3], dtype=np.int32)
    rows = candidate_rows([[9, 1, 9, 4], [], (3,)], codes, users, items, [4])
    np.testing.assert_array_equal(rows.indptr, [0, 2, 2, 3])
    np.testing.assert_array_equal(rows.indices, [1, 9, 3])
    by_id = candidate_rows({0: [], 3: {3}, 2: [4, 9, 1], 1: [7]}, codes, users, items, 4)
    np.testing.assert_array_equal(by_id.indices, rows.indices)
    table = candidate_rows(np.array([[5, 0], [1, 1], [8, 9]]), codes, users, items, None)
    np.testing.assert_array_equal(table.indptr, [0, 2, 3, 5])
    np.testing.assert_array_equal(table.indices, [0, 5, 1, 8, 9])


def test_no_candidate_at_all(model):
    """Empty lists give empty rows."""
    assert model.recommend([100, 107], candidates=[[], []]).mask.all()
    assert model.recommend([], candidates=[[]][:0]).items.shape == (0, 10)


def test_array_of_candidates(model):
    """The form of a sampled protocol: one positive and m negatives a user, in columns."""
    events = Ratings.from_arrays([1, 1, 2, 2, 3], [10, 20, 10, 30, 10], [1.0] * 5)
    popular = Popularity().fit(events)
    found = popular.recommend([1, 2], k=2, exclude_seen=False, candidates=np.array([[30, 10], [20, 30]]))
    np.testing.assert_array_equal(found.items, [[10, 30], [20, 30]])
    np.testing.assert_array_equal(found.scores, [[3, 1], [1, 1]])


@pytest.mark.parametrize(
    ("candidates", "error", "says"),
    [
        ([["item-00"]], ValueError, "candidates: expected 2 lists, one a user, got 1"),
        ({100: ["item-00"]}, KeyError, "no list for user 107"),
        ([["item-00"], ["nowhere"]], KeyError, "unknown candidate item: 'nowhere'"),
        ([["item-00"], "item-01"], ValueError, "a list of ids for each user, got 'item-01' at row 1"),
        ([["item-00"], None], ValueError, "got None at row 1"),
    ],
)
def test_refused(model, candidates, error, says):
    """Every message says which list and which id."""
    with pytest.raises(error, match=says):
        model.recommend([100, 107], candidates=candidates)


def test_all_users_at_once():
    """Scores of pairs are formed natively: as many lists as users, each like that of the user alone."""
    ratings = small_ratings()
    model = ALS(rank=3, random_state=0, normalize="both").fit(ratings)
    rng = np.random.default_rng(0)
    names = model.items_.ids()
    candidates = [names[rng.permutation(40)[: rng.integers(0, 40)]].tolist() for _ in range(60)]
    together = model.recommend(k=5, candidates=candidates)
    for row, user in enumerate(model.users_.ids()):
        alone = model.recommend(user, k=5, candidates=candidates[row] or [[]])
        assert together.items[row].compressed().tolist() == alone.items[0].compressed().tolist()


def test_an_unrated_item_ranks_low_among_candidates():
    """Without biases nothing is known of it: its score is 0 in every list, not the mean of all ratings."""
    matrix = np.abs(np.random.default_rng(0).normal(3, 0.3, size=(20, 5)))
    matrix[:, 2] = np.nan
    model = ALS(rank=2, biases=False, random_state=0).fit(matrix)
    found = model.recommend([0], k=5, exclude_seen=False, candidates=[[0, 1, 2, 3, 4]])
    whole = model.recommend([0], k=5, exclude_seen=False)
    np.testing.assert_array_equal(found.items, whole.items)
    assert found.items[0, -1] == 2
