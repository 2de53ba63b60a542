"""A column of ids → its sorted distinct ids and the place of every row's id among them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.data.strings import Strings


def factorize_integers(column: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the sorted distinct integers, (n_ids,), and codes (n,) int32 with ids[codes] == column."""
    if len(column) == 0:
        return column, np.empty(0, dtype=np.int32)
    low, high = int(column.min()), int(column.max())
    if high - low < 4 * len(column) + 2**16:  # a table over the range costs less than hashing
        seen = np.zeros(high - low + 1, dtype=bool)
        seen[column - low] = True
        table = np.cumsum(seen, dtype=np.int32) - np.int32(1)
        return np.flatnonzero(seen) + low, table[column - low]
    import pyarrow as pa

    encoded = pa.array(column).dictionary_encode()
    ids = encoded.dictionary.to_numpy(zero_copy_only=False)
    order = np.argsort(ids)
    return ids[order], _renumbered(order, encoded)


def factorize_strings(column: Any) -> tuple[Strings, NDArray[np.int32]]:
    """The same for a pyarrow array of type large_string without nulls."""
    import pyarrow.compute as pc

    encoded = column.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    strings = Strings.from_arrow(encoded.dictionary.take(order))
    return strings, _renumbered(order.to_numpy(zero_copy_only=False), encoded)


def _renumbered(order: NDArray[Any], encoded: Any) -> NDArray[np.int32]:
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[encoded.indices.to_numpy(zero_copy_only=False)]
