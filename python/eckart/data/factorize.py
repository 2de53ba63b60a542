"""A column of ids → its sorted distinct ids and the place of every row's id among them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.threads import get_num_threads
from eckart.base.validation import native_array
from eckart.data.strings import Strings

MAX_IDS = 2**31 - 1


def factorize_integers(column: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the sorted distinct integers, (n_ids,) int64, and codes (n,) int32 with ids[codes] == column.

    `column` : (n,) int32 or int64
    """
    column = native_array(column, column.dtype)
    ids = _native.data.distinct_integers(column, threads=get_num_threads())
    if len(ids) > MAX_IDS:
        raise ValueError(f"expected at most {MAX_IDS} distinct ids, got {len(ids)}")
    return ids, encode_integers(column, ids)


def encode_integers(column: NDArray[Any], ids: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the place of every integer of `column` in the rising `ids`, (n,) int32; -1 where absent."""
    column, ids = native_array(column, column.dtype), native_array(ids, np.int64)
    return _native.data.encode_integers(column, ids, threads=get_num_threads())


def factorize_strings(column: Any) -> tuple[Strings, NDArray[np.int32]]:
    """The same for a pyarrow array of type large_string without nulls."""
    encoded = column.dictionary_encode()
    strings, rank = sorted_strings(encoded.dictionary)
    return strings, rank[encoded.indices.to_numpy(zero_copy_only=False)]


def sorted_strings(distinct: Any) -> tuple[Strings, NDArray[np.int32]]:
    """Return distinct texts (a pyarrow array of type large_string) in order, and the place of each there."""
    import pyarrow.compute as pc

    order = pc.array_sort_indices(distinct)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order.to_numpy(zero_copy_only=False)] = np.arange(len(order), dtype=np.int32)
    return Strings.from_arrow(distinct.take(order)), rank
