"""`Ratings` from columns, tables and matrices. Users call the class methods of :class:`Ratings`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.validation import check_option
from eckart.data.column_names import choose_columns
from eckart.data.columns import RowError, timestamp_column, title_column, value_column
from eckart.data.ratings import Ratings
from eckart.data.strings import Strings
from eckart.data.vocabulary import Vocabulary


def check_dtype(dtype: Any) -> Any:
    """Return float32 or float64; ValueError for any other type."""
    return np.dtype(check_option(np.dtype(dtype), "dtype", (np.dtype("f4"), np.dtype("f8"))))


def from_arrays(
    users: Any,
    items: Any,
    values: Any,
    timestamps: Any = None,
    *,
    item_titles: Any = None,
    duplicates: str | None = None,
    dtype: Any = np.float32,
) -> Ratings:
    """See :meth:`Ratings.from_arrays`."""
    dtype = check_dtype(dtype)
    user_ids, user_index = Vocabulary.from_column(users, "users")
    item_ids, item_index = Vocabulary.from_column(items, "items")
    n, counted = len(user_index), values is None
    numbers = np.ones(n, dtype=dtype) if counted else _owned(value_column(values, "values", dtype), values)
    times = None if timestamps is None else timestamp_column(timestamps, "timestamps")
    for name, column in (("items", item_index), ("values", numbers), ("timestamps", times)):
        if column is not None and len(column) != n:
            raise ValueError(f"{name}: expected length {n} as users have, got {len(column)}")
    ratings = Ratings(
        user_index,
        item_index,
        numbers,
        user_ids,
        item_ids,
        timestamps=times,
        titles=_titles(item_titles, item_ids, item_index),
        counted=counted,
    )
    return ratings.deduplicated(duplicates or ("sum" if counted else "error"))


def _owned(column: NDArray[Any], values: Any) -> NDArray[Any]:
    """The caller's own array would change under the ratings if it were written to later."""
    return column.copy() if isinstance(values, np.ndarray) and np.may_share_memory(column, values) else column


def _titles(titles: Any, items: Vocabulary, item_index: NDArray[np.int32]) -> Strings | None:
    if titles is None:
        return None
    if isinstance(titles, Mapping):
        by_code = np.full(len(items), "", dtype=object)
        codes = items.encode(list(titles))
        for code, title in zip(codes.tolist(), titles.values(), strict=True):
            if code >= 0 and title == title and title is not None:
                by_code[code] = str(title)
        return Strings.from_texts(by_code.tolist())
    column = title_column(titles, "item_titles")
    if len(column) != len(item_index):
        raise ValueError(f"item_titles: expected length {len(item_index)} as users have, got {len(column)}")
    row = np.empty(len(items), dtype=np.int64)
    row[item_index[::-1]] = np.arange(len(item_index) - 1, -1, -1)  # the first row of every item
    return Strings.from_arrow(column.take(row))


def from_frame(frame: Any, columns: Mapping[str, Any], *, duplicates: str | None, dtype: Any) -> Ratings:
    """See :meth:`Ratings.from_frame`."""
    import narwhals as nw

    try:
        table = nw.from_native(frame)
    except TypeError:
        raise TypeError(
            f"frame: expected a pandas, polars or pyarrow table, got {type(frame).__name__}"
        ) from None
    names = list(table.collect_schema().names())
    chosen = choose_columns(names, columns, "the table")
    if isinstance(table, nw.LazyFrame):
        table = table.select(list(dict.fromkeys(chosen.values()))).collect()
    return from_columns({role: table[name].to_native() for role, name in chosen.items()}, duplicates, dtype)


def from_columns(columns: Mapping[str, Any], duplicates: str | None, dtype: Any) -> Ratings:
    """Ratings of a mapping role → column, as :func:`choose_columns` names the roles."""
    return from_arrays(
        columns["user"],
        columns["item"],
        columns.get("value"),
        columns.get("timestamp"),
        item_titles=columns.get("title"),
        duplicates=duplicates,
        dtype=dtype,
    )


def from_sparse(matrix: Any, *, duplicates: str = "error", dtype: Any = None) -> Ratings:
    """See :meth:`Ratings.from_sparse`."""
    from scipy import sparse

    if not sparse.issparse(matrix) or matrix.ndim != 2:
        raise TypeError(
            f"matrix: expected a scipy.sparse matrix of two dimensions, got {type(matrix).__name__}"
        )
    entries = matrix.tocoo()
    return _from_entries(entries.row, entries.col, entries.data, matrix.shape, duplicates, dtype)


def from_dense(array: Any, *, dtype: Any = None) -> Ratings:
    """See :meth:`Ratings.from_dense`."""
    if isinstance(array, np.ma.MaskedArray):
        array = array.astype(np.float64).filled(np.nan)
    array = np.asarray(array)
    if array.ndim != 2:
        raise ValueError(
            f"array: expected a matrix users × items, got shape {array.shape}. "
            "Reshape your data to two dimensions"
        )
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"array: expected numbers, got {error}") from None
    rows, cols = (
        np.nonzero(~np.isnan(array)) if array.dtype.kind == "f" else np.indices(array.shape).reshape(2, -1)
    )
    return _from_entries(rows, cols, array[rows, cols], array.shape, "error", dtype)


def _from_entries(rows: Any, cols: Any, data: Any, shape: Any, duplicates: str, dtype: Any) -> Ratings:
    if data.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: matrix: expected real numbers, got {data.dtype}")
    if data.dtype.kind not in "iufb":
        raise TypeError(f"matrix: expected numbers, got {data.dtype}")
    if dtype is None:
        dtype = np.float64 if data.dtype.kind == "f" and data.dtype.itemsize >= 8 else np.float32
    users, items = Vocabulary.from_range(shape[0]), Vocabulary.from_range(shape[1])
    with np.errstate(over="ignore"):
        values = np.array(data, dtype=check_dtype(dtype))
    try:
        ratings = Ratings(
            np.array(rows, dtype=np.int32), np.array(cols, dtype=np.int32), values, users, items
        )
    except RowError as error:
        place = (int(rows[error.row]), int(cols[error.row]))
        raise ValueError(
            f"matrix: expected finite numbers, got {data[error.row]} at position {place}"
        ) from None
    return ratings.deduplicated(duplicates)
