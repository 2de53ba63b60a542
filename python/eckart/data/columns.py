"""What a column of ids, values, timestamps or titles may hold, and its one form inside.

Columns come as NumPy arrays, lists, or series of pandas, polars or pyarrow. Whatever cannot be used
is a :class:`RowError`, so that a reader of files can turn the row into a line.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.threads import get_num_threads


class RowError(ValueError):
    """A value that cannot be used. `problem` says what is wrong, `row` (from 0) where."""

    def __init__(self, problem: str, row: int) -> None:
        super().__init__(f"{problem} (row {row})")
        self.problem = problem
        self.row = int(row)


def as_column(values: Any, name: str) -> Any:
    """Return `values` as a numeric (n,) NumPy array without missing entries, or else a pyarrow array."""
    if isinstance(values, range):
        return np.asarray(values, dtype=np.int64)
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise ValueError(f"{name}: expected one dimension, got shape {values.shape}")
        return values if values.dtype.kind in "iufb" else _simplified(_to_arrow(values, name), name)
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise TypeError(f"{name}: expected a column (array, list or series), got {values!r}")
    if isinstance(values, list | tuple):
        return _simplified(_to_arrow(values, name), name)
    return _simplified(_from_series(values, name), name)


def _to_arrow(values: Any, name: str) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise TypeError(f"{name}: expected numbers or texts of one kind, got a mixture: {error}") from None


def _from_series(values: Any, name: str) -> Any:
    import pyarrow as pa

    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    import narwhals as nw

    try:
        series = nw.from_native(values, series_only=True)
    except TypeError:
        return _to_arrow(list(values), name)
    try:
        return series.to_arrow()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TypeError(f"{name}: expected numbers or texts of one kind, got a mixture: {error}") from None


def _simplified(array: Any, name: str) -> Any:
    """A pyarrow array without chunks and dictionaries; plain numbers go on as NumPy."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    number = (
        pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type)
    )
    if number and array.null_count == 0:
        return array.to_numpy(zero_copy_only=False)
    return array


def _refuse_nulls(array: Any, what: str) -> None:
    if array.null_count:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise RowError(f"{what} is missing", row)


def id_column(values: Any, name: str) -> Any:
    """Return ids as (n,) int64, or as a pyarrow array of type large_string.

    Whole floats are integers (pandas makes them of integers beside a gap). RowError for a missing
    id or a float that is not whole; TypeError for truth values and what is neither number nor text.
    """
    column = as_column(values, name)
    if isinstance(column, np.ndarray):
        return _integer_ids(column, name)
    import pyarrow as pa

    _refuse_nulls(column, f"{name}: the id")
    if is_text(column.type):
        return column.cast(pa.large_string())
    if len(column) == 0:
        return np.empty(0, dtype=np.int64)
    raise TypeError(f"{name}: expected integers or texts as ids, got values of type {column.type}")


def _integer_ids(column: NDArray[Any], name: str) -> NDArray[np.int64]:
    if column.dtype.kind == "b":
        raise TypeError(f"{name}: expected integers or texts as ids, got truth values")
    if column.dtype.kind == "f":
        bad = ~(np.abs(column) < 2.0**53)  # true for NaN as well
        bad |= np.floor(column) != column
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise RowError(f"{name}: expected whole numbers as ids, got {column[row]}", row)
    elif column.dtype == np.uint64 and len(column) and column.max() >= 2**63:
        raise RowError(f"{name}: expected ids below 2**63, got {column.max()}", int(np.argmax(column)))
    return column.astype(np.int64, copy=False)


def value_column(values: Any, name: str, dtype: Any) -> NDArray[Any]:
    """Return finite (n,) values of `dtype`; RowError for what is missing, infinite or no number."""
    column = as_column(values, name)
    if not isinstance(column, np.ndarray):
        column = _parsed_numbers(column, name)
    with np.errstate(over="ignore"):
        column = np.ascontiguousarray(column, dtype=dtype)
    row = _native.data.first_not_finite(column, threads=get_num_threads())
    if row >= 0:
        raise RowError(f"{name}: expected finite numbers of {np.dtype(dtype)}, got {column[row]}", row)
    return column


def _parsed_numbers(column: Any, name: str) -> NDArray[Any]:
    import pyarrow as pa

    _refuse_nulls(column, f"{name}: the number")
    try:
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if not is_text(column.type):
            raise TypeError(f"{name}: expected numbers, got values of type {column.type}") from None
        row = _first_not_cast(column, pa.float64())
        raise RowError(f"{name}: expected a number, got {column[row].as_py()!r}", row) from None


def timestamp_column(values: Any, name: str) -> NDArray[np.int64]:
    """Return (n,) int64: integers as they are, dates and ISO texts as seconds since 1970 (UTC)."""
    column = as_column(values, name)
    if not isinstance(column, np.ndarray):
        column = _seconds(column, name)
    if column.dtype.kind == "f":
        bad = ~(np.abs(column) < 2.0**63)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise RowError(f"{name}: expected a time, got {column[row]}", row)
        column = np.floor(column)
    return column.astype(np.int64)


def _seconds(column: Any, name: str) -> NDArray[np.int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    _refuse_nulls(column, f"{name}: the time")
    if is_text(column.type):
        column = _parsed_times(column, name)
    if not pa.types.is_timestamp(column.type) and not pa.types.is_date(column.type):
        raise TypeError(f"{name}: expected integers, dates or ISO texts, got values of type {column.type}")
    if not pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.timestamp("ms"))
    ticks = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return ticks // {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]


def _parsed_times(column: Any, name: str) -> Any:
    import pyarrow as pa

    for kind in _time_types():
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    row = max(_first_not_cast(column, kind) for kind in _time_types())
    raise RowError(f"{name}: expected an ISO date or an integer, got {column[row].as_py()!r}", row)


def title_column(values: Any, name: str) -> Any:
    """Return titles as a pyarrow array of type large_string; a missing one is empty."""
    import pyarrow as pa

    column = as_column(values, name)
    if isinstance(column, np.ndarray):
        column = pa.array(column)
    try:
        return column.cast(pa.large_string()).fill_null("")
    except pa.ArrowNotImplementedError:
        raise TypeError(f"{name}: expected texts, got values of type {column.type}") from None
    except pa.ArrowInvalid as error:
        raise TypeError(f"{name}: expected texts, got {error}") from None


def is_text(kind: Any) -> bool:
    """Is this pyarrow type one of texts?"""
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _time_types() -> tuple[Any, ...]:
    import pyarrow as pa

    return pa.timestamp("us"), pa.timestamp("us", "UTC")  # without and with a zone


def _first_not_cast(column: Any, kind: Any) -> int:
    """The first row of a column that cannot be cast as a whole, by bisection."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        if _casts(column.slice(low, middle - low), kind):
            low = middle
        else:
            high = middle
    return low


def _casts(column: Any, kind: Any) -> bool:
    import pyarrow as pa

    try:
        column.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
