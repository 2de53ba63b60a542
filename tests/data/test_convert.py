"""One door: whatever a model takes as X."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from eckart.data import Ratings, as_ratings
from eckart.data.convert import is_matrix

PAIRS = np.array([[1, 7], [2, 7], [2, 9]])
Y = [1.0, 2.0, 3.0]
EXPECTED = [(1, 7, 1.0), (2, 7, 2.0), (2, 9, 3.0)]
FRAME = pd.DataFrame({"user": PAIRS[:, 0], "item": PAIRS[:, 1], "rating": Y})


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (PAIRS, Y),
        (PAIRS.tolist(), np.array(Y)),
        ([(1, 7), (2, 7), (2, 9)], pd.Series(Y)),
        (PAIRS.astype(object), Y),
        (PAIRS.astype(float), Y),
        (pd.DataFrame(PAIRS), Y),
        (pl.DataFrame(PAIRS, schema=["a", "b"]), Y),
        (pa.table({"a": PAIRS[:, 0], "b": PAIRS[:, 1]}), Y),
        (FRAME, None),
        (FRAME[["item", "user"]], Y),
        (pl.from_pandas(FRAME).lazy(), None),
        (pa.Table.from_pandas(FRAME), None),
        (Ratings.from_frame(FRAME), None),
        (Ratings.from_frame(FRAME).with_values([0, 0, 0]), Y),
    ],
)
def test_every_form_with_ids(X, y):
    """The same ratings, however they are held."""
    ratings = as_ratings(X, y)
    assert list(ratings) == EXPECTED
    assert not is_matrix(X, y)


@pytest.mark.parametrize(
    "X",
    [
        FRAME[["user", "rating"]].to_numpy(),
        pd.DataFrame({"a": [1, np.nan], "b": [2, 3]}),
        sparse.eye_array(3),
        [[1, np.nan], [2, 3]],
        pl.DataFrame({"a": [1.5, 2], "b": [2, 3]}),
    ],
)
def test_matrices(X):
    """Without y an array of two columns is a matrix of two items; so is a table without id columns."""
    ratings = as_ratings(X)
    assert ratings.users.kind == "range"
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=float)
    assert (ratings.n_users, ratings.n_items) == dense.shape
    observed = dense[ratings.user_index, ratings.item_index]
    np.testing.assert_allclose(ratings.values, observed)
    assert is_matrix(X)


def test_tuples_of_mixed_pairs():
    """Texts and numbers beside each other must not turn into texts."""
    assert list(as_ratings([("a", 1), ("b", 2)], [5, 6])) == [("a", 1, 5.0), ("b", 2, 6.0)]


def test_a_path(tmp_path):
    """`fit("ratings.csv")` reads the file."""
    FRAME.to_csv(tmp_path / "r.csv", index=False)
    assert list(as_ratings(tmp_path / "r.csv")) == list(as_ratings(str(tmp_path / "r.csv"))) == EXPECTED


def test_the_dtype_follows_the_input():
    """float64 stays; what is not floating becomes float32; an explicit type wins."""
    matrix = np.ones((2, 3))
    assert as_ratings(matrix).dtype == np.float64
    assert as_ratings(matrix.astype("f4")).dtype == np.float32
    assert as_ratings(matrix, dtype=np.float32).dtype == np.float32
    assert as_ratings(sparse.csr_array(matrix)).dtype == np.float64
    assert as_ratings(FRAME).dtype == np.float32
    assert as_ratings(FRAME, dtype="float64").dtype == np.float64
    assert as_ratings(PAIRS, np.array(Y)).dtype == np.float64
    assert as_ratings(PAIRS, Y).dtype == np.float32
    held = Ratings.from_frame(FRAME)
    assert as_ratings(held) is held
    assert as_ratings(held, dtype=np.float64).dtype == np.float64


def test_ratings_are_coded_in_a_models_vocabulary():
    """Validation ratings must use the codes of the training ratings; new ids go to the end."""
    train = Ratings.from_arrays(["b", "c"], [20, 30], [1, 2], item_titles={20: "t"})
    other = Ratings.from_arrays(["c", "a", "b"], [30, 10, 20], [5, 6, 7], item_titles={10: "ten"})
    coded = as_ratings(other, vocabulary_of=train)
    assert coded.users.ids().tolist() == ["b", "c", "a"]
    assert coded.user_index.tolist() == [1, 2, 0]
    assert list(coded) == list(other)
    assert coded.item_titles.tolist() == ["", "", "ten"]
    assert as_ratings(train, vocabulary_of=train) is train


def test_matrices_are_coded_by_place():
    """Row i of a matrix is user code i of the model: a shape that does not fit cannot be meant."""
    train = Ratings.from_arrays(["b", "c"], [20, 30], [1, 2])
    coded = as_ratings(np.array([[1, np.nan], [np.nan, 2]]), vocabulary_of=train)
    assert list(coded) == list(train)
    with pytest.raises(ValueError, match="matrix of 2 rows, one an id, got 3"):
        as_ratings(np.ones((3, 2)), vocabulary_of=train)
    square = Ratings.from_dense(np.ones((3, 3)))
    assert as_ratings(np.ones((2, 4)), vocabulary_of=square).shape == (8,)
    smaller = as_ratings(np.ones((2, 4)), vocabulary_of=square)
    assert (smaller.n_users, smaller.n_items) == (3, 4)


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (np.ones((3, 3)), Y, ValueError, r"pairs of shape \(n, 2\)"),
        (PAIRS, Y[:2], ValueError, "length 3"),
        (PAIRS, [1, 2, np.nan], ValueError, "row 2"),
        (Ratings.from_frame(FRAME), [1, 2], ValueError, "y: expected length 3"),
        (pd.DataFrame(np.ones((3, 3))), Y, ValueError, "two columns"),
        (None, None, TypeError, "got NoneType"),
        (42, None, TypeError, "got int"),
        (np.array([[1, np.inf]]), None, ValueError, r"position \(0, 1\)"),
        (FRAME, [1, 2], ValueError, "y: expected length"),
    ],
)
def test_everything_else_is_refused(X, y, error, message):
    """The message must say what would be right."""
    with pytest.raises(error, match=message):
        as_ratings(X, y)
