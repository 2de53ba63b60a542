"""Arrays laid out for the kernels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CACHE_LINE = 64  # bytes


def aligned_empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an uninitialised array that begins at a cache line: a gathered row then touches no line more
    than it must (NumPy aligns to 16 bytes)."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.empty(size + CACHE_LINE, dtype=np.uint8)
    start = -buffer.ctypes.data % CACHE_LINE
    return buffer[start : start + size].view(dtype).reshape(shape)


def consecutive(rows: NDArray[Any]) -> slice | None:
    """Return the slice that `rows` are, if each follows the one before; else None."""
    if len(rows) == 0 or rows[-1] - rows[0] != len(rows) - 1 or (np.diff(rows) != 1).any():
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1)


def take_rows(array: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return ``array[rows]``, without a copy where the rows follow one another."""
    run = consecutive(rows)
    return array[rows] if run is None else array[run]
