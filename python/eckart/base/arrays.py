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
