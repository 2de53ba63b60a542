"""Orthogonal projection onto the span of a basis: UU' where it is orthonormal, VV+ where it is any."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.validation import check_bool, check_finite, native_array
from eckart.linalg.dense import multiply, multiply_transposed, single_threaded


def project(x: Any, basis: Any, *, orthonormal: bool = False) -> NDArray[Any]:
    """Return the points of span(basis) next to x: P x for one vector x (d,), X P for rows X (n, d).

    basis (d, k), columns that span the subspace, in any number and dependent or not: P = V V+, through the
    singular vectors of V. With `orthonormal` the columns are trusted to be so: P = UU', two products.
    float32 where both are float32, else float64. Raises ValueError for shapes that do not fit and for
    values that are not finite.
    """
    points, columns = np.asarray(x), np.asarray(basis)
    dtype = np.float32 if points.dtype == columns.dtype == np.float32 else np.float64
    if columns.ndim != 2:
        raise ValueError(f"basis: expected two dimensions (d, k), got {columns.ndim}")
    if points.ndim not in (1, 2) or points.shape[-1] != len(columns):
        raise ValueError(
            f"x: expected the shape ({len(columns)},) or (n, {len(columns)}), got {points.shape}"
        )
    columns, rows = native_array(columns, dtype), native_array(np.atleast_2d(points), dtype)
    check_finite(columns, "basis")
    check_finite(rows, "x")
    if not check_bool(orthonormal, "orthonormal"):
        columns = _orthonormal_basis(columns)
    inner = multiply(rows, columns)
    return multiply_transposed(np.ascontiguousarray(inner.T), np.ascontiguousarray(columns.T)).reshape(
        points.shape
    )


def _orthonormal_basis(columns: NDArray[Any]) -> NDArray[Any]:
    """Left singular vectors whose values are above rounding, (d, rank)."""
    with single_threaded():
        left, s, _ = np.linalg.svd(columns, full_matrices=False)
    rank = int((s > max(columns.shape) * np.finfo(columns.dtype).eps * s[:1].sum()).sum())
    return np.ascontiguousarray(left[:, :rank])
