"""One door for everything that a model takes as ratings."""

import os
from typing import Any

import numpy as np

from eckart.data import construction
from eckart.data.column_names import REQUIRED, guess
from eckart.data.columns import as_column
from eckart.data.ratings import Ratings
from eckart.data.vocabulary import Vocabulary


def as_ratings(X: Any, y: Any = None, *, dtype: Any = None, vocabulary_of: Any = None) -> Ratings:
    """Return `X` as Ratings.

    X : Ratings; a scipy.sparse matrix (stored entries are observed); a dense matrix (NaN is missing);
        a pandas, polars or pyarrow table with columns of user and item ids (other tables are dense
        matrices); an array or list of n (user, item) pairs, which it is exactly when `y` is given and
        it has two columns; or the path of a file
    y : (n,) values of the pairs, or other values for Ratings and tables of ids; None elsewhere
    dtype : float32, float64, or None: Ratings stay as they are, float64 input stays float64, all else is
        float32
    vocabulary_of : Ratings (or a model) with `users` and `items`: the result is coded in these
        vocabularies, extended at the end by ids they lack. The rows and columns of a matrix are then
        codes of theirs, and the shape must fit

    Raises TypeError for what is none of these, ValueError and EckartError as the constructors of Ratings.
    """
    ratings, coded = _converted(X, y, dtype)
    if dtype is not None and ratings.dtype != construction.check_dtype(dtype):
        ratings = ratings.with_values(ratings.values.astype(dtype))
    if vocabulary_of is None:
        return ratings
    return _recoded(ratings, vocabulary_of.users, vocabulary_of.items, coded)


def _converted(X: Any, y: Any, dtype: Any) -> tuple[Ratings, bool]:
    """The ratings, and whether they came as a matrix, without ids."""
    if isinstance(X, Ratings):
        return (X if y is None else _with_y(X, y)), False
    if isinstance(X, str | os.PathLike):
        return Ratings.from_file(X, dtype=dtype or np.float32), False
    names = _table_columns(X)
    if names is not None:
        if all(guess(names, role) for role in REQUIRED):
            return _from_table(X, y, dtype), False
        X = _dense_table(X) if y is None else _pair_columns(X, names)
    if y is not None:
        users, items = _pairs(X)
        return Ratings.from_arrays(users, items, y, dtype=dtype or _dtype_of(y)), False
    if hasattr(X, "tocoo"):
        return Ratings.from_sparse(X, dtype=dtype), True
    if isinstance(X, np.ndarray | list | tuple) or hasattr(X, "__array__"):
        return Ratings.from_dense(X, dtype=dtype), True
    raise TypeError(
        "X: expected Ratings, a scipy.sparse or dense matrix, a table with user and item columns, "
        f"pairs with y, or a path, got {type(X).__name__}"
    )


def is_matrix(X: Any, y: Any = None) -> bool:
    """Is `X` a users × items matrix, which has no ids, rather than ratings with ids?

    An array of two columns beside `y` is pairs; beside any other matrix `y` has no meaning.
    """
    if isinstance(X, Ratings | str | os.PathLike):
        return False
    names = _table_columns(X)
    if names is not None:
        return not all(guess(names, role) for role in REQUIRED) and (y is None or len(names) != 2)
    if hasattr(X, "tocoo") or y is None:
        return True
    if isinstance(X, tuple):
        return False
    shape = np.asarray(X).shape if not hasattr(X, "shape") else X.shape
    return len(shape) == 2 and shape[1] != 2


def id_columns(X: Any) -> tuple[Any, Any] | None:
    """Return the user and the item column of a table that has them, row by row as they stand; else None."""
    names = _table_columns(X)
    if names is None:
        return None
    chosen = [name for role in REQUIRED if (name := guess(names, role)) is not None]
    if len(chosen) < len(REQUIRED):
        return None
    import narwhals as nw

    table = nw.from_native(X)
    table = table.select(chosen).collect() if isinstance(table, nw.LazyFrame) else table
    return table[chosen[0]].to_native(), table[chosen[1]].to_native()


def _with_y(ratings: Ratings, y: Any) -> Ratings:
    column = construction.value_column(y, "y", ratings.dtype)
    if len(column) != len(ratings):
        raise ValueError(f"y: expected length {len(ratings)} as X has, got {len(column)}")
    return ratings.with_values(column)


def _dtype_of(y: Any) -> Any:
    return np.float64 if getattr(y, "dtype", None) == np.float64 else np.float32


def _table_columns(X: Any) -> list[Any] | None:
    """The column names of a table; None if X is no table."""
    if isinstance(X, np.ndarray | list | tuple) or hasattr(X, "tocoo"):
        return None
    import narwhals as nw

    if type(X).__module__.startswith("pandas") and hasattr(X, "columns"):
        return list(X.columns)  # narwhals refuses names that are not text
    table = nw.from_native(X, pass_through=True)
    return list(table.collect_schema().names()) if isinstance(table, nw.DataFrame | nw.LazyFrame) else None


def _from_table(X: Any, y: Any, dtype: Any) -> Ratings:
    if y is None:
        return Ratings.from_frame(X, dtype=dtype or np.float32)
    return _with_y(Ratings.from_frame(X, value=False, duplicates="error", dtype=dtype or _dtype_of(y)), y)


def _dense_table(X: Any) -> Any:
    import narwhals as nw

    if hasattr(X, "iloc"):
        return X.to_numpy(
            dtype=np.float64 if any(t.kind != "f" or t.itemsize > 4 for t in X.dtypes) else None,
            na_value=np.nan,
        )
    table = nw.from_native(X)
    return (table.collect() if isinstance(table, nw.LazyFrame) else table).to_numpy()


def _pair_columns(X: Any, names: list[Any]) -> Any:
    if len(names) != 2:
        raise ValueError(f"X: expected two columns (user, item) beside y, got {len(names)}: {names}")
    if hasattr(X, "iloc"):
        return X.iloc[:, 0], X.iloc[:, 1]
    import narwhals as nw

    table = nw.from_native(X)
    table = table.collect() if isinstance(table, nw.LazyFrame) else table
    return table[names[0]].to_native(), table[names[1]].to_native()


def _pairs(X: Any) -> tuple[Any, Any]:
    if isinstance(X, np.ndarray):
        if X.ndim == 2 and X.shape[1] == 2:
            return X[:, 0], X[:, 1]
    elif (
        isinstance(X, tuple)
        and len(X) == 2
        and all(hasattr(part, "dtype") or hasattr(part, "type") for part in X)
    ):
        return X
    elif isinstance(X, list | tuple) and all(hasattr(pair, "__len__") and len(pair) == 2 for pair in X):
        return as_column([pair[0] for pair in X], "X"), as_column([pair[1] for pair in X], "X")
    shape = getattr(X, "shape", type(X).__name__)
    raise ValueError(f"X: expected n (user, item) pairs of shape (n, 2) beside y, got {shape}")


def _recoded(ratings: Ratings, users: Vocabulary, items: Vocabulary, coded: bool) -> Ratings:
    if coded:
        return ratings._replaced(
            users=_fitting(ratings.users, users, "rows"), items=_fitting(ratings.items, items, "columns")
        )
    if ratings.users == users and ratings.items == items:
        return ratings
    users, items = users.extended(ratings.users.ids()), items.extended(ratings.items.ids())
    item_codes = ratings.items.codes_in(items)
    titles = None
    if ratings.item_titles is not None:
        by_code = np.full(len(items), "", dtype=object)
        by_code[item_codes] = ratings.item_titles
        titles = type(ratings.titles).from_texts(by_code.tolist())
    return ratings._replaced(
        user_index=ratings.users.codes_in(users)[ratings.user_index],
        item_index=item_codes[ratings.item_index],
        users=users,
        items=items,
        titles=titles,
    )


def _fitting(own: Vocabulary, wanted: Vocabulary, what: str) -> Vocabulary:
    if len(own) == len(wanted) or (wanted.kind == "range" and len(own) < len(wanted)):
        return wanted
    if wanted.kind == "range":
        return own
    raise ValueError(f"X: expected a matrix of {len(wanted)} {what}, one an id, got {len(own)}")
