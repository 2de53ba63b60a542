"""Ratings from columns, tables and matrices."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from eckart.base.errors import EckartError
from eckart.data import Ratings

COLUMNS = {
    "userId": ["u2", "u1", "u2"],
    "movieId": [30, 10, 10],
    "rating": [1.0, 2.5, 4.0],
    "other": [7, 8, 9],
}


@pytest.mark.parametrize("table", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table])
def test_every_table_gives_the_same_ratings(table):
    """One interface, whatever library read the file."""
    ratings = Ratings.from_frame(table(COLUMNS | {"timestamp": [3, 2, 1], "title": ["c", "a", "a"]}))
    assert list(ratings) == [("u2", 30, 1.0), ("u1", 10, 2.5), ("u2", 10, 4.0)]
    assert ratings.timestamps.tolist() == [3, 2, 1]
    assert ratings.item_titles.tolist() == ["a", "c"]
    assert not ratings.counted


def test_columns_can_be_named_placed_and_refused():
    """Guessing must never be the only way."""
    frame = pd.DataFrame(COLUMNS)
    assert Ratings.from_frame(frame, value="other").values.tolist() == [7, 8, 9]
    assert Ratings.from_frame(frame, value=-1, user=0, item="movieId").values.tolist() == [7, 8, 9]
    assert Ratings.from_frame(frame, value=False).counted
    with pytest.raises(
        EckartError, match=r"value: no column 'stars'; the table has the columns 'userId', 'movieId'"
    ):
        Ratings.from_frame(frame, value="stars")
    with pytest.raises(EckartError, match="item: no column 9"):
        Ratings.from_frame(frame, item=9)
    with pytest.raises(EckartError, match=r"user: no column has a common name.*'a'"):
        Ratings.from_frame(pd.DataFrame({"a": [1], "item": [2]}))
    with pytest.raises(TypeError, match="got dict"):
        Ratings.from_frame(COLUMNS)


def test_events_are_counted_and_ratings_refuse_to_repeat():
    """Without values a repeated row is more interest; with values it is a contradiction."""
    users, items = [1, 1, 2, 1], [5, 5, 5, 6]
    events = Ratings.from_arrays(users, items)
    assert (events.counted, sorted(events)) == (True, [(1, 5, 2.0), (1, 6, 1.0), (2, 5, 1.0)])
    with pytest.raises(ValueError, match=r"duplicates: .*1 repeated row.*user 1 and item 5 \(rows 0 and 1\)"):
        Ratings.from_arrays(users, items, [1, 2, 3, 4])
    with pytest.raises(ValueError, match="duplicates"):
        Ratings.from_arrays(users, items, duplicates="error")
    with pytest.raises(ValueError, match="duplicates: expected one of"):
        Ratings.from_arrays(users, items, duplicates="first")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "values: expected length 3 as users have, got 2"),
        ([1, None, 2], "row 1"),
        ([1, 2, np.nan], "row 2"),
        ([np.inf, 2, 3], "row 0"),
        (["1", "2", "x"], "'x'.*row 2"),
        (np.array([1, 2, 1e300]), "float32.*row 2"),
    ],
)
def test_bad_values_name_their_row(values, message):
    """A NaN in the data would become a NaN model an hour later."""
    with pytest.raises(ValueError, match=message):
        Ratings.from_arrays([1, 2, 3], [1, 2, 3], values)


def test_other_bad_columns():
    """Every column is checked for its length and its kind."""
    for name in ("items", "timestamps", "item_titles"):
        arguments = {"items": [1, 2, 3]} | {name: [1, 2]}
        with pytest.raises(ValueError, match=f"{name}: expected length 3 as users have, got 2"):
            Ratings.from_arrays([1, 2, 3], **arguments)
    with pytest.raises(ValueError, match="dtype: expected one of"):
        Ratings.from_arrays([1], [1], [1], dtype=np.int32)
    with pytest.raises(TypeError, match=r"values: expected numbers, got values of type date32"):
        Ratings.from_arrays([1], [1], np.array(["2020-01-01"], dtype="M8[D]"))


def test_dtype_is_as_asked():
    """float64 where users ask for it."""
    assert Ratings.from_arrays([1], [1], [0.1], dtype=np.float64).values[0] == 0.1
    assert Ratings.from_arrays([1], [1], np.array([0.1])).dtype == np.float32
    assert Ratings.from_arrays([1], [1], ["2.5"]).values[0] == 2.5


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr"])
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
def test_sparse_of_every_format(form, kind):
    """Stored entries are the observed ones; empty rows and columns stay."""
    dense = np.zeros((5, 7))
    dense[1, 2], dense[3, 0], dense[3, 6] = 2.5, -1, 4
    ratings = Ratings.from_sparse(kind(dense).asformat(form))
    observed = sorted(r for r in ratings if r.value != 0)  # a block format stores the zeros of its blocks
    assert observed == [(1, 2, 2.5), (3, 0, -1.0), (3, 6, 4.0)]
    assert (ratings.n_users, ratings.n_items, ratings.users.kind) == (5, 7, "range")


def test_sparse_zeros_and_duplicates():
    """An explicit zero is an observed zero; scipy would silently add duplicates up."""
    matrix = sparse.coo_array((np.float32([0, 1, 2]), ([0, 1, 1], [0, 1, 1])), shape=(2, 2))
    with pytest.raises(ValueError, match="duplicates"):
        Ratings.from_sparse(matrix)
    assert list(Ratings.from_sparse(matrix, duplicates="last")) == [(0, 0, 0.0), (1, 1, 2.0)]
    assert len(Ratings.from_sparse(sparse.csr_array((3, 4)))) == 0
    with pytest.raises(TypeError, match="matrix: expected"):
        Ratings.from_sparse(np.eye(2))


@pytest.mark.parametrize(
    ("given", "expected"), [("f4", "f4"), ("f8", "f8"), ("i4", "f4"), ("f2", "f4"), ("u1", "f4")]
)
def test_matrices_keep_their_precision(given, expected):
    """float64 in, float64 out; integers are float32."""
    assert Ratings.from_dense(np.ones((2, 2), dtype=given)).dtype == np.dtype(expected)
    if given != "f2":
        assert Ratings.from_sparse(sparse.csr_array(np.ones((2, 2), dtype=given))).dtype == np.dtype(expected)
    assert Ratings.from_dense(np.ones((2, 2), dtype=given), dtype=np.float64).dtype == np.float64


def test_dense_takes_nan_and_masks_as_missing():
    """The manners of an imputer; an integer matrix has no missing entry."""
    array = np.array([[1, np.nan, 3], [np.nan, np.nan, 0]])
    expected = [(0, 0, 1.0), (0, 2, 3.0), (1, 2, 0.0)]
    assert list(Ratings.from_dense(array)) == expected
    assert list(Ratings.from_dense(np.ma.masked_invalid(array))) == expected
    assert list(Ratings.from_dense(array.astype(object))) == expected
    assert len(Ratings.from_dense(np.zeros((2, 3), dtype=int))) == 6
    assert Ratings.from_dense(np.full((2, 3), np.nan)).n_items == 3


def test_bad_matrices_name_the_place():
    """Infinity is no rating and no gap."""
    array = np.ones((3, 4))
    array[2, 1] = -np.inf
    with pytest.raises(ValueError, match=r"got -inf at position \(2, 1\)"):
        Ratings.from_dense(array)
    with pytest.raises(ValueError, match=r"got -inf at position \(2, 1\)"):
        Ratings.from_sparse(sparse.csr_array(array))
    with pytest.raises(ValueError, match=r"got nan at position \(0, 0\)"):
        Ratings.from_sparse(sparse.csr_array(np.array([[np.nan]])))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        Ratings.from_dense([1, 2, 3])
    for words in (np.array([["a"]]), np.array([["a"]], dtype=object)):
        with pytest.raises(TypeError, match="expected numbers"):
            Ratings.from_dense(words)
    with pytest.raises(ValueError, match="expected real numbers"):
        Ratings.from_dense(np.array([[1j]]))


def test_no_rows_are_no_error():
    """An empty table is whole; it is the model that needs ratings."""
    empty = Ratings.from_arrays([], [], [])
    assert (len(empty), empty.n_users, empty.n_items) == (0, 0, 0)
