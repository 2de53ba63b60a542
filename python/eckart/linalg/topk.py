"""The k best items of every query by inner product."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import AMX
from eckart._native import linalg as native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads


def top_k(
    queries: NDArray[Any],
    items: NDArray[Any],
    k: int,
    *,
    bias: NDArray[Any] | None = None,
    exclude: Csr | None = None,
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return (ids, scores), each (n_queries, k), best first; score = <query, item> + bias.

    queries (n_queries, rank), items (n_items, rank), bias (n_items,) of one float type; `exclude` has
    one row a query, listing items that must not appear. Where fewer than k items remain the id is -1
    and the score -inf. Ties: the lower id first. A query's answer does not depend on the others.
    """
    return native.top_k(queries, items, bias, *pointers(exclude), k, AMX, get_num_threads())


def top_k_of_rows(
    candidates: Csr, k: int, exclude: Csr | None = None
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return (ids, scores), each (n_rows, k), of each row's own candidates: its indices are the ids, its
    values their scores. Padding, ties and `exclude` as in :func:`top_k`."""
    assert candidates.values is not None
    return native.top_k_of_rows(
        candidates.indptr, candidates.indices, candidates.values, *pointers(exclude), k, get_num_threads()
    )


def pointers(pattern: Csr | None) -> tuple[Any, Any]:
    """Return a pattern as the kernels take an optional one."""
    return (None, None) if pattern is None else (pattern.indptr, pattern.indices)
