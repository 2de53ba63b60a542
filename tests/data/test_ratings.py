"""The container: a sequence, two compressed views, facts, and what is made of it."""

import pickle

import numpy as np
import pandas as pd
import pytest

import eckart as ek
from eckart.data import Ratings, Vocabulary, as_ratings
from eckart.data.columns import RowError

USERS, ITEMS, VALUES = ["b", "a", "a", "c"], [30, 10, 30, 20], [1.0, 2.0, 3.5, 0.0]


@pytest.fixture
def ratings():
    return Ratings.from_arrays(
        USERS, ITEMS, VALUES, timestamps=[4, 3, 2, 1], item_titles={10: "Ten", 30: "Thirty"}
    )


@pytest.fixture
def many():
    rng = np.random.default_rng(0)
    cells = rng.permutation(211 * 97)[:9001]
    return Ratings.from_arrays(
        cells // 97, cells % 97, rng.normal(size=9001), timestamps=rng.integers(0, 50, 9001)
    )


def test_facts(ratings):
    """What a model and a report read off the data."""
    assert (len(ratings), ratings.shape, ratings.ndim) == (4, (4,), 1)
    assert (ratings.n_users, ratings.n_items, ratings.scale) == (3, 3, (0.0, 3.5))
    assert ratings.mean == 1.625
    assert ratings.dtype == np.float32
    assert not ratings.counted
    assert repr(ratings) == "Ratings(4: 3 users × 3 items, 44.444% observed, values 0 to 3.5)"


def test_mean_is_summed_in_double():
    """A float32 sum of many equal values drifts."""
    n = 2_000_003
    values = np.full(n, 3.3, dtype=np.float32)
    ratings = Ratings(np.zeros(n), np.arange(n), values, Vocabulary.from_range(1), Vocabulary.from_range(n))
    assert ratings.mean == pytest.approx(float(np.float32(3.3)), rel=1e-12)


def test_indexing_speaks_the_callers_ids(ratings):
    """An integer gives one rating, readable as it is."""
    assert ratings[1] == ("a", 10, 2.0)
    assert ratings[-1] == ratings[np.int64(3)] == ("c", 20, 0.0)
    assert ratings[2].item == 30
    assert list(ratings) == list(zip(USERS, ITEMS, VALUES, strict=True))
    with pytest.raises(IndexError):
        ratings[4]


@pytest.mark.parametrize(
    "key",
    [
        [2, 0],
        np.array([2, 0]),
        slice(0, 4, 2),
        np.array([True, False, True, False]),
        [],
        slice(5, 9),
        ([2, 0], ...),
    ],
)
def test_a_part_keeps_the_vocabularies(ratings, key):
    """Codes must mean the same in train and test."""
    part = ratings[key]
    rows = np.arange(4)[key[0] if isinstance(key, tuple) else key]
    assert list(part) == [ratings[int(row)] for row in rows]
    assert part.users is ratings.users
    assert part.items is ratings.items
    assert part.title(0) == "Ten"
    np.testing.assert_array_equal(part.timestamps, ratings.timestamps[rows])


@pytest.mark.parametrize("key", [[9], [-5], [1.5], "a", [[0], [1]], [True, False]])
def test_wrong_keys_are_index_errors(ratings, key):
    """A mask of another length is the usual mistake."""
    with pytest.raises(IndexError):
        ratings[key]


def test_empty_parts_are_whole(ratings):
    """A fold can be empty; nothing about it may crash or warn."""
    empty = ratings[[]]
    assert len(empty) == 0
    assert np.isnan(empty.mean)
    assert np.isnan(empty.scale).all()
    assert empty.by_user.counts.tolist() == [0, 0, 0]
    assert empty.to_scipy().shape == (3, 3)
    assert "0: 3 users" in repr(empty)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_views_equal_scipy(many, dtype):
    """Both compressed views against an independent implementation."""
    from scipy import sparse

    ratings = many.with_values(many.values.astype(dtype))
    matrix = sparse.coo_array(
        (ratings.values, (ratings.user_index, ratings.item_index)), shape=(211, 97)
    ).tocsr()
    assert ratings.by_user.values.dtype == dtype
    assert (ratings.by_user.to_scipy() != matrix).nnz == 0
    assert (ratings.by_item.to_scipy() != matrix.T).nnz == 0
    assert (ratings.to_scipy() != matrix).nnz == 0
    np.testing.assert_array_equal(ratings.values[ratings.by_user_order], ratings.by_user.values)
    for view in (ratings.by_user, ratings.by_item):
        rows = np.repeat(np.arange(view.n_rows), view.counts)
        assert (np.diff(rows * 1000 + view.indices) > 0).all()


def test_everything_is_read_only(many):
    """Views are cached and shared between parts: a write would corrupt them silently."""
    for array in (many.user_index, many.values, many.timestamps, many.by_user.values, many.by_item.indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_the_callers_arrays_stay_the_callers():
    """Writing to an input later must not change the ratings, nor must the input become read-only."""
    values = np.array([1.0, 2.0], dtype=np.float32)
    ratings = Ratings.from_arrays([1, 2], [1, 2], values)
    values[0] = 9
    assert ratings.values[0] == 1


def test_ratings_in_order_lend_their_arrays(many):
    """Most files stand by user: a second copy of twenty million ratings would be waste."""
    in_order = many[np.lexsort((many.item_index, many.user_index))]
    assert in_order.by_user.indices is in_order.item_index
    assert in_order.by_user.values is in_order.values
    for view, other in ((in_order.by_user, many.by_user), (in_order.by_item, many.by_item)):
        np.testing.assert_array_equal(view.indptr, other.indptr)
        np.testing.assert_array_equal(view.indices, other.indices)
        np.testing.assert_array_equal(view.values, other.values)
    np.testing.assert_array_equal(in_order.by_user_order, np.arange(len(many)))


def test_hash_is_of_the_data_not_of_the_order(many):
    """Provenance in a model file: the same data must have the same hash."""
    assert many[np.random.default_rng(1).permutation(len(many))].data_hash == many.data_hash
    assert many.with_values(many.values + 1).data_hash != many.data_hash
    assert many[:-1].data_hash != many.data_hash
    renamed = Ratings(
        many.user_index,
        many.item_index,
        many.values,
        Vocabulary.from_column(np.arange(211) * 2)[0],
        many.items,
    )
    assert renamed.data_hash != many.data_hash


def test_titles(ratings):
    """A missing title shows the id instead of nothing."""
    assert [ratings.title(code) for code in range(3)] == ["Ten", "20", "Thirty"]
    assert ratings.item_titles.tolist() == ["Ten", "", "Thirty"]
    by_row = Ratings.from_arrays([1, 2, 3], [5, 5, 4], item_titles=["x", "y", None])
    assert by_row.item_titles.tolist() == ["", "x"]
    assert Ratings.from_arrays([1], ["q"]).item_titles is None
    assert Ratings.from_arrays([1], ["q"]).title(0) == "q"


def test_pickling(ratings):
    """joblib sends ratings to other processes."""
    copy = pickle.loads(pickle.dumps(ratings))
    assert list(copy) == list(ratings)
    assert copy.data_hash == ratings.data_hash
    assert copy.title(0) == "Ten"
    with pytest.raises(ValueError, match="read-only"):
        copy.values[0] = 1


def test_is_no_array(ratings):
    """np.asarray would take minutes and give a table of mixed objects."""
    with pytest.raises(TypeError, match="to_scipy"):
        np.asarray(ratings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user_index": [0, 2]}, r"user_index: expected a code in \[0, 2\), got 2 \(row 1\)"),
        ({"item_index": [0, -1]}, r"item_index.*got -1"),
        ({"values": [1.0, np.nan]}, r"values: expected a finite number, got nan \(row 1\)"),
        ({"values": np.array([np.inf, 1])}, r"got inf \(row 0\)"),
        ({"timestamps": [1]}, r"timestamps: expected shape \(2,\)"),
        ({"user_index": [0]}, "user_index: expected shape"),
    ],
)
def test_the_constructor_checks_natively(change, message):
    """Kernels trust these arrays: nothing may slip past, whoever builds them."""
    two = Vocabulary.from_range(2)
    good = {"user_index": [0, 1], "item_index": [1, 0], "values": [1.0, 2.0], "users": two, "items": two}
    with pytest.raises(ValueError, match=message) as error:
        Ratings(**(good | change))
    assert isinstance(error.value, RowError) == ("shape" not in message)


def test_scikit_learn_cuts_along_the_ratings(many):
    """The promise that makes every tool of scikit-learn's model selection work."""
    from sklearn.model_selection import KFold, train_test_split
    from sklearn.utils import _safe_indexing, resample

    for train, test in KFold(3, shuffle=True, random_state=0).split(many):
        assert list(_safe_indexing(many, test))[:5] == [many[int(row)] for row in test[:5]]
        assert len(many[train]) + len(many[test]) == len(many)
    train, test = train_test_split(many, test_size=0.25, random_state=0)
    assert (type(train), len(test)) == (Ratings, 2251)
    assert resample(many, random_state=0).n_repeated > 0  # a bootstrap repeats rows, and may


def test_cross_validate_and_grid_search(many):
    """A toy model that only knows a shrunk mean goes through both, and the right shrinkage wins."""
    from sklearn.base import BaseEstimator
    from sklearn.model_selection import GridSearchCV, cross_validate

    class ShrunkMean(BaseEstimator):
        def __init__(self, shrink=0.0):
            self.shrink = shrink

        def fit(self, X, y=None):
            self.mean_ = as_ratings(X, y).mean * (1 - self.shrink)
            return self

        def score(self, X, y=None):
            return -float(np.sqrt(np.mean((as_ratings(X, y).values.astype(float) - self.mean_) ** 2)))

    ratings = many.with_values(many.values + 3)
    scores = cross_validate(ShrunkMean(), ratings, cv=3)["test_score"]
    assert scores == pytest.approx(-1, abs=0.05)
    search = GridSearchCV(ShrunkMean(), {"shrink": [0.5, 0.0, 0.9]}, cv=3).fit(ratings)
    assert search.best_params_ == {"shrink": 0.0}
    with_y = cross_validate(ShrunkMean(), ratings, ratings.values, cv=3)["test_score"]
    np.testing.assert_array_equal(with_y, scores)


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_tables_go_out_and_come_back(ratings, backend):
    """What leaves as a table must be the same ratings when it returns."""
    table = ratings.to_frame(backend)
    again = Ratings.from_frame(table)
    assert list(again) == list(ratings)
    assert again.data_hash == ratings.data_hash
    assert again.item_titles.tolist() == ratings.item_titles.tolist()
    with pytest.raises(ValueError, match="backend: expected one of"):
        ratings.to_frame("excel")


def test_merging_extends_and_the_other_wins(ratings):
    """`update` adds what came since the fit: old codes stay, a new opinion replaces the old one."""
    later = Ratings.from_arrays(["a", "0"], [30, 5], [9, 8], item_titles={5: "Five", 30: "thirty"})
    both = ratings.merged(later)
    assert both.users.ids().tolist() == ["a", "b", "c", "0"]
    assert both.items.ids().tolist() == [10, 20, 30, 5]
    frame = both.to_frame().sort_values(["user", "item"])
    assert frame["value"].tolist() == [8, 2, 9, 1, 0]
    assert both.item_titles.tolist() == ["Ten", "", "Thirty", "Five"]
    assert both.timestamps is None
    assert ratings.merged(later, duplicates="sum").to_frame()["value"].max() == 12.5
    with pytest.raises(ValueError, match="duplicates"):
        ratings.merged(later, duplicates="error")
    np.testing.assert_array_equal(both.user_index[: len(ratings)], ratings.user_index)


def test_merging_ignores_time(ratings):
    """The other's rating wins because it is the other's, not because of its date."""
    earlier = Ratings.from_arrays(["a"], [30], [5], timestamps=[-100])
    assert ratings.merged(earlier).to_frame().set_index(["user", "item"]).loc[("a", 30), "value"] == 5


def test_threads_do_not_show(many):
    """The views on which every result stands, bit for bit."""
    try:
        seen = set()
        for n in (1, 2, 3, 5):
            ek.set_num_threads(n)
            fresh = many[np.arange(len(many))]
            seen.add((fresh.by_user.values.tobytes(), fresh.by_item.indices.tobytes(), fresh.data_hash))
        assert len(seen) == 1
    finally:
        ek.set_num_threads(None)


def test_repeated_frames_of_counts():
    """Events: repr and flag say that these are counts."""
    ratings = Ratings.from_frame(pd.DataFrame({"user": [1, 1, 2], "item": [5, 5, 5]}))
    assert ratings.counted
    assert ratings.to_frame()["value"].tolist() == [2, 1]
    assert "counts 1 to 2" in repr(ratings)
