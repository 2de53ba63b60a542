# What the native module offers. Array arguments are C-contiguous and of exactly the named type: another
# layout or type is a TypeError. `tests/native/test_stubs.py` compares every function with the module.
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from eckart._native import base as base
from eckart._native import completion as completion
from eckart._native import data as data
from eckart._native import decomposition as decomposition
from eckart._native import linalg as linalg
from eckart._native import metrics as metrics
from eckart._native import nn as nn

# The arrays of the boundary, as cpp/bindings/common.hpp names them.
_T = TypeVar("_T", np.float32, np.float64)  # array_t<T>: one kernel for either precision
_IndexArray: TypeAlias = NDArray[np.int32]  # array_t<Index>: rows, columns, ids
_OffsetArray: TypeAlias = NDArray[np.int64]  # array_t<Offset>: into stored entries

__all__ = [
    "AMX",
    "BUILT",
    "LEVEL",
    "SUPPORTED",
    "base",
    "completion",
    "data",
    "decomposition",
    "linalg",
    "metrics",
    "nn",
]

SUPPORTED: tuple[str, ...]
BUILT: tuple[str, ...]
LEVEL: str
AMX: bool  # the matrix unit is there and wanted
