"""The compressed views of `Ratings`: rows of users, rows of items."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads


def by_user(ratings: Any) -> Csr:
    """Return users × items. Ratings that stand by user and item already lend it their own arrays."""
    indptr = in_order(ratings)
    if indptr is not None:
        return _read_only(Csr(indptr, ratings.item_index, ratings.values, ratings.n_items))
    return _read_only(Csr(*_compress(ratings, ratings.values), ratings.n_items))


def transposed(rows: Csr) -> Csr:
    """Return the compressed columns of `rows` as rows."""
    columns = _native.data.transpose(
        rows.indptr, rows.indices, rows.values, rows.n_cols, threads=get_num_threads()
    )
    return _read_only(Csr(*columns, rows.n_rows))


def by_user_order(ratings: Any) -> NDArray[Any]:
    """Return the row of each stored entry of ``by_user``, (n,) int32, or int64 past 2**31 ratings."""
    n = len(ratings)
    rows = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    return rows if in_order(ratings) is not None else _compress(ratings, rows)[2]


def in_order(ratings: Any) -> NDArray[np.int64] | None:
    """Return the row pointers of ratings that stand by user and item already, else None."""
    return _native.data.row_pointers(
        ratings.user_index, ratings.item_index, ratings.n_users, threads=get_num_threads()
    )


def _compress(ratings: Any, values: NDArray[Any]) -> Any:
    return _native.data.compress(
        ratings.user_index,
        ratings.item_index,
        values,
        ratings.n_users,
        ratings.n_items,
        threads=get_num_threads(),
    )


def _read_only(rows: Csr) -> Csr:
    for array in (rows.indptr, rows.indices, rows.values):
        if array is not None:
            array.flags.writeable = False
    return rows
