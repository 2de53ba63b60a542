"""Checks of ranked lists, shared by the ranking and the catalogue metrics."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import metrics as _native
from eckart.base.threads import get_num_threads
from eckart.base.validation import native_array

_EXPECTED = {
    "out of range": "item codes in [0, {n_items}), or -1 for padding",
    "after padding": "padding (-1) only at the end of a list",
    "duplicate": "an item at most once in a list",
}


def check_lists(recommended: Any, n_items: int) -> NDArray[np.int32]:
    """Return ranked lists as the kernels take them: (n_users, k) int32 codes, -1 padding at the end.

    TypeError for anything but integers; ValueError that names user and rank of the first code that is
    out of range, follows padding, or stands twice in a list.
    """
    if isinstance(recommended, np.ma.MaskedArray):
        raise TypeError("recommended: expected item codes with -1 as padding, got a masked array")
    lists = np.asarray(recommended)
    if lists.dtype.kind not in "iu":
        raise TypeError(f"recommended: expected integer item codes, got {lists.dtype}")
    if lists.ndim != 2:
        raise ValueError(f"recommended: expected shape (n_users, k), got {lists.shape}")
    # A code that int32 cannot hold must not wrap around to another item.
    narrow = lists if lists.dtype == np.int32 else np.clip(lists.astype(np.int64), -2, 2**31 - 1)
    codes = native_array(narrow, np.int32)
    fault = _native.ranking_fault(codes, n_items, get_num_threads())
    if fault is not None:
        what, row, column = fault
        raise ValueError(
            f"recommended: expected {_EXPECTED[what].format(n_items=n_items)}, "
            f"got {lists[row, column]} at rank {column + 1} of list {row}"
        )
    return codes
