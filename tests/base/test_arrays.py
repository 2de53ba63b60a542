"""Arrays laid out for the kernels."""

import numpy as np
import pytest

from eckart.base.arrays import aligned_empty, consecutive, take_rows


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (7, 5), (1000, 64)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_aligned(shape, dtype):
    """Kernels gather rows: one that straddles a cache line costs two."""
    array = aligned_empty(shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.size == 0 or array.ctypes.data % 64 == 0


@pytest.mark.parametrize(
    ("rows", "expected"),
    [([], None), ([3], slice(3, 4)), ([2, 3, 4], slice(2, 5)), ([2, 4, 3, 5], None), ([4, 3, 2], None)],
)
def test_consecutive(rows, expected):
    """Only rows in order without a gap are a slice: anything else must be copied."""
    assert consecutive(np.array(rows, dtype=np.int32)) == expected


def test_take_rows_copies_only_what_it_must():
    """All users of a large model are asked for at once: their factors are not copied."""
    array = np.arange(12.0).reshape(6, 2)
    assert np.shares_memory(take_rows(array, np.arange(1, 5)), array)
    assert np.array_equal(take_rows(array, np.arange(1, 5)), array[1:5])
    assert np.array_equal(take_rows(array, np.array([4, 0])), array[[4, 0]])
