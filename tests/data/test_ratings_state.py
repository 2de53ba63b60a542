"""Ratings in a file and back: whole, or refused."""

import numpy as np
import pytest

from eckart.base.errors import EckartError
from eckart.data import Ratings


def build(seed=0, ids=lambda codes: codes):
    rng = np.random.default_rng(seed)
    cells = rng.permutation(31 * 23)[:301]
    users, items = ids(cells // 23), ids(cells % 23)
    return Ratings.from_arrays(users, items, rng.normal(size=301), timestamps=rng.integers(0, 99, 301))


def texts(codes):
    return np.array([f"é{code}" for code in codes], dtype=object)


@pytest.mark.parametrize("ids", [lambda codes: codes, lambda codes: codes * 3 - 7, texts])
def test_round_trip_keeps_the_sequence(ids):
    """Splits are seeded by row: the order of rows must come back too."""
    ratings = build(ids=ids)
    again = Ratings._from_state(ratings._get_state())
    for name in ("user_index", "item_index", "values", "timestamps"):
        np.testing.assert_array_equal(getattr(again, name), getattr(ratings, name))
    assert (again.users, again.items) == (ratings.users, ratings.items)
    assert again.data_hash == ratings.data_hash
    assert again.n_repeated == 0
    np.testing.assert_array_equal(again.by_user.indices, ratings.by_user.indices)
    np.testing.assert_array_equal(again.by_user_order, ratings.by_user_order)


def test_round_trip_of_the_rest():
    """Titles, counts, float64, sorted rows, repeated pairs and nothing at all."""
    events = Ratings.from_arrays(["b", "a", "a"], ["x", "x", "x"], item_titles={"x": "Ξ"}, dtype=np.float64)
    again = Ratings._from_state(events._get_state())
    assert again.counted
    assert again.dtype == np.float64
    assert again.title(0) == "Ξ"
    in_order = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 2, 3])
    assert "order" not in in_order._get_state().arrays
    drawn = Ratings._from_state(in_order[[0, 0, 2]]._get_state())
    assert (list(drawn), drawn.n_repeated) == (list(in_order[[0, 0, 2]]), 1)
    assert len(Ratings._from_state(in_order[[]]._get_state())) == 0


@pytest.mark.parametrize("in_order", [True, False])
def test_what_a_recommendation_needs_is_there_at_once(in_order):
    """Twenty million ratings load in a tenth of a second because columns by row wait for the first look."""
    ratings = build()
    ratings = ratings[np.lexsort((ratings.item_index, ratings.user_index))] if in_order else ratings
    again = Ratings._from_state(ratings._get_state())
    assert len(again) == again.shape[0] == 301
    assert again.by_user.indices is again._get_state().arrays["indices"]
    fresh = Ratings._from_state(ratings._get_state())
    assert not {"user_index", "item_index", "values", "timestamps"} & set(vars(fresh))
    np.testing.assert_array_equal(fresh.timestamps, ratings.timestamps)
    np.testing.assert_array_equal(fresh.user_index, ratings.user_index)
    assert not fresh.user_index.flags.writeable
    with pytest.raises(AttributeError, match="no attribute 'users_index'"):
        _ = fresh.users_index


def test_places_may_have_64_bits():
    """Files of earlier versions have them, and so will files of more than 2**31 ratings."""
    ratings = build()
    state = ratings._get_state()
    assert state.arrays["order"].dtype == np.int32
    state.arrays["order"] = state.arrays["order"].astype(np.int64)
    np.testing.assert_array_equal(Ratings._from_state(state).user_index, ratings.user_index)


def state_with(name, place, value):
    state = build()._get_state()
    state.arrays[name] = state.arrays[name].copy()
    state.arrays[name][place] = value
    return state


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("indices", 3, 23),
        ("indices", 3, -1),
        ("indptr", 0, 1),
        ("indptr", 5, 10**12),
        ("indptr", -1, 300),
        ("values", 7, np.nan),
        ("order", 0, 301),
        ("order", 0, -1),
        ("order", slice(0, 2), 5),
    ],
)
def test_damage_is_found(name, place, value):
    """A flipped bit must give an error, not a read outside an array."""
    with pytest.raises(EckartError, match="damaged file"):
        Ratings._from_state(state_with(name, place, value))


@pytest.mark.parametrize("name", ["indices", "indptr", "values", "order", "timestamps"])
def test_missing_and_cut_arrays_are_found(name):
    """A truncated file keeps the header but not the data."""
    state = build()._get_state()
    state.arrays[name] = state.arrays[name][:-1]
    with pytest.raises(EckartError, match="damaged file"):
        Ratings._from_state(state)
    state.arrays[name] = state.arrays[name].astype(np.int8)
    with pytest.raises(EckartError, match="damaged file"):
        Ratings._from_state(state)


def test_missing_vocabulary_is_found():
    """A foreign file of the same format."""
    state = build()._get_state()
    del state.meta["users"]
    with pytest.raises(EckartError, match=r"damaged file.*users"):
        Ratings._from_state(state)
