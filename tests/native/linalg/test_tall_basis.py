"""Products with a tall basis inside a wider buffer, against NumPy."""

import numpy as np
import pytest

from eckart._native import linalg as native


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("rows", "columns", "k"), [(0, 0, 1), (1, 1, 1), (257, 3, 5), (1021, 17, 16), (70_001, 2, 1)]
)
def test_against_numpy(dtype, rows, columns, k):
    """Sizes around the chunks, and the same bits for any number of threads."""
    rng = np.random.default_rng(rows)
    buffer = rng.normal(size=(rows, columns + 3)).astype(dtype)
    x = rng.normal(size=(rows, k)).astype(dtype)
    c = rng.normal(size=(columns, k)).astype(dtype)
    basis = buffer[:, :columns].astype(np.float64)
    rtol = 1e-4 if dtype == np.float32 else 1e-11
    found = []
    for threads in (1, 2, 3, 5):
        left = x.copy()
        found.append(
            (native.basis_products(buffer, columns, x, threads),
             native.subtract_basis(buffer, columns, c, left, threads), left)
        )  # fmt: skip
    products, gram, left = found[0]
    size = np.sqrt(max(rows, 1))
    np.testing.assert_allclose(products, basis.T @ x, atol=rtol * size)
    np.testing.assert_allclose(left, x - basis @ c, atol=rtol)
    np.testing.assert_allclose(gram, left.T.astype(np.float64) @ left, rtol=rtol, atol=rtol * size)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rows", "at", "k"), [(0, 0, 2), (1, 2, 1), (4099, 3, 17), (8191, 0, 5)])
def test_columns_are_set(dtype, rows, at, k):
    """A block takes its place in the buffer, and nothing beside it is touched."""
    rng = np.random.default_rng(rows)
    buffer, x = (rng.normal(size=(rows, width)).astype(dtype) for width in (at + k + 2, k))
    want = buffer.copy()
    want[:, at : at + k] = x
    for threads in (1, 2, 3, 5):
        found = buffer.copy()
        native.set_columns(found, at, x, threads)
        np.testing.assert_array_equal(found, want)


def test_shapes_are_checked():
    """A wrong length would be read past its end."""
    buffer, x = np.ones((4, 3)), np.ones((4, 2))
    for bad in (-1, 4):
        with pytest.raises(ValueError, match="columns"):
            native.basis_products(buffer, bad, x, 1)
    for bad in (-1, 2):
        with pytest.raises(ValueError, match="at"):
            native.set_columns(buffer, bad, x, 1)
    with pytest.raises(ValueError, match="rows of the basis"):
        native.set_columns(buffer, 0, np.ones((5, 2)), 1)
    with pytest.raises(ValueError, match="rows of the basis"):
        native.basis_products(buffer, 1, np.ones((5, 2)), 1)
    with pytest.raises(ValueError, match="rows of c"):
        native.subtract_basis(buffer, 2, np.ones((1, 2)), x, 1)
    with pytest.raises(ValueError, match="columns of c"):
        native.subtract_basis(buffer, 1, np.ones((1, 3)), x, 1)
