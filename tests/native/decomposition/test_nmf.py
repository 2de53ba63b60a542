"""The kernels of non-negative factorisation against NumPy and scikit-learn, the same bits for all threads."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition._cdnmf_fast import _update_cdnmf_fast

from eckart._native import decomposition as native

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}
SHAPES = [(0, 3, 2), (1, 1, 1), (37, 53, 5), (61, 401, 17), (2311, 7, 3), (130, 1700, 33)]
DTYPES = [np.float32, np.float64]


def problem(n, d, k, dtype, seed=0, density=0.7):
    rng = np.random.default_rng(seed)
    x = rng.random((n, d)) * (rng.random((n, d)) < density)
    return tuple(a.astype(dtype) for a in (x, rng.random((n, k)), rng.random((d, k))))


def close(found, expected, dtype):
    assert found.dtype == dtype
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "d", "k"), SHAPES)
def test_a_sweep_is_that_of_scikit_learn(n, d, k, dtype):
    """Same iterates and the same violation, so `tol` means the same; a penalty of either kind included."""
    x, w, h = problem(n, d, k, dtype)
    w[w < 0.2] = 0
    products, gram = x @ h, h.T @ h
    l1, l2 = dtype(0.3), dtype(0.7)
    found = w.copy()
    violation = native.nmf_sweep(products, gram, l1, l2, 1, 0.0, found, 2)
    expected = w.astype(np.float64)
    order = np.arange(k, dtype=np.intp)
    hessian = gram.astype(np.float64) + l2 * np.eye(k)
    wanted = _update_cdnmf_fast(expected, hessian, products.astype(np.float64) - l1, order)
    close(found, expected, dtype)
    assert violation == pytest.approx(wanted, rel=1e-4)


def test_many_sweeps_solve_the_rows():
    """The limit is the non-negative least squares solution; each row stops on its own."""
    from scipy.optimize import nnls

    x, w, h = problem(23, 40, 6, np.float64)
    native.nmf_sweep(x @ h, h.T @ h, 0.0, 0.0, 10_000, 1e-13, w, 1)
    for row, solved in zip(x, w, strict=True):
        np.testing.assert_allclose(solved, nnls(h, row)[0], atol=1e-9)


def test_a_component_of_zeros_is_left_alone():
    """Nothing depends on it: dividing by its Gram entry would give NaN."""
    x, w, h = problem(20, 30, 4, np.float64)
    h[:, 2] = 0
    before = w[:, 2].copy()
    native.nmf_sweep(x @ h, h.T @ h, 0.0, 0.0, 3, 0.0, w, 1)
    assert np.isfinite(w).all()
    assert np.array_equal(w[:, 2], before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [1, 5, 19])
def test_masked_sweeps_solve_each_row_over_its_cells(k, weighted, dtype):
    """Against each row's own Gram matrix in NumPy, an empty row included."""
    x, w, h = problem(41, 300, k, dtype)
    rng = np.random.default_rng(1)
    cells = rng.random(x.shape) < 0.6
    cells[7] = False
    s = (rng.random(x.shape) if weighted else np.ones(x.shape)).astype(dtype)
    places = sparse.csr_array(cells)
    rows, columns = np.nonzero(cells)
    l1, l2 = dtype(0.1), dtype(0.2)
    found = w.copy()
    native.nmf_sweep_masked(
        places.indptr.astype(np.int64), places.indices.astype(np.int32), x[rows, columns],
        s[rows, columns] if weighted else None, h, l1, l2, 1, 0.0, found, 2,
    )  # fmt: skip
    expected = w.astype(np.float64)
    weights = np.where(cells, s, 0).astype(np.float64)
    for i in range(len(x)):
        gram = h.T.astype(np.float64) * weights[i] @ h + l2 * np.eye(k)
        products = (h.T * (weights[i] * x[i])).sum(axis=1, dtype=np.float64) - l1
        _update_cdnmf_fast(expected[i : i + 1], gram, products[None], np.arange(k, dtype=np.intp))
    close(found, expected, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "d", "k"), SHAPES)
def test_quotients_equal_numpy(n, d, k, dtype):
    """Dense and sparse, both directions, and the sum that tells the divergence."""
    x, w, h = problem(n, d, k, dtype)
    q = x.astype(np.float64) / (w.astype(np.float64) @ h.T)
    logs = float((x[x > 0] * np.log(q[x > 0])).sum())
    rows, columns = sparse.csr_array(x), sparse.csr_array(x.T)
    for found, expected in (
        (native.nmf_quotients(x, w, h, False, True, 2), q @ h),
        (native.nmf_quotients(x, w, h, True, True, 2), q.T @ w),
        (of_sparse(rows, w, h, 2), q @ h),
        (of_sparse(columns, h, w, 2), q.T @ w),
    ):
        close(found[0], expected, dtype)
        assert found[1] == pytest.approx(logs, rel=1e-5 if dtype == np.float32 else 1e-12, abs=1e-5)
    assert native.nmf_quotients(x, w, h, False, False, 1)[1] == 0


def of_sparse(x, w, h, threads):
    parts = x.indptr.astype(np.int64), x.indices.astype(np.int32), x.data
    return native.nmf_quotients_sparse(*parts, w, h, True, threads)


def test_the_logarithm_is_exact_to_rounding():
    """Over the whole range of quotients: x log q with x = 1 in one cell and q = 1 / w."""
    for dtype, low, high in ((np.float32, -18, 18), (np.float64, -140, 140)):
        w = np.logspace(low, high, 4001).astype(dtype)[:, None]
        one, eps = np.ones((1, 1), dtype=dtype), float(np.finfo(dtype).eps)
        for row in w[::40]:
            logs = native.nmf_quotients(one, row[None], one, False, True, 1)[1]
            wanted = np.log(1 / float(row[0]))
            assert logs == pytest.approx(wanted, rel=4 * eps, abs=eps)


def test_zeros_give_no_nan():
    """A row of zeros in W, a column without entries: the quotient 0 / 0 counts as 0."""
    x, w, h = problem(40, 50, 3, np.float32)
    w[3], h[5], x[:, 7] = 0, 0, 0
    for transposed in (False, True):
        sums, logs = native.nmf_quotients(x, w, h, transposed, True, 1)
        assert np.isfinite(sums).all()
        assert np.isfinite(logs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_change_no_bit(dtype):
    """Cuts depend on the shapes alone."""
    x, w, h = problem(1700, 900, 19, dtype)
    cells = sparse.csr_array(x)
    parts = cells.indptr.astype(np.int64), cells.indices.astype(np.int32), cells.data
    products, gram = x @ h, h.T @ h

    def sweep(threads):
        out = w.copy()
        return native.nmf_sweep(products, gram, 0.0, 0.0, 3, 0.1, out, threads), out

    def masked(threads):
        out = w.copy()
        return native.nmf_sweep_masked(*parts, None, h, 0.0, 0.0, 3, 0.1, out, threads), out

    calls = (
        sweep,
        masked,
        lambda t: native.nmf_quotients(x, w, h, False, True, t),
        lambda t: native.nmf_quotients(x, w, h, True, True, t),
        lambda t: of_sparse(cells, w, h, t),
    )
    for call in calls:
        one = call(1)
        for threads in (2, 3, 5):
            for a, b in zip(call(threads), one, strict=True):
                assert np.array_equal(a, b)


def test_shapes_that_do_not_fit_are_refused():
    """The boundary is memory-safe, whatever Python passes."""
    x, w, h = problem(4, 6, 2, np.float64)
    with pytest.raises(ValueError, match="columns of w and h"):
        native.nmf_quotients(x, w, h[:, :1].copy(), False, True, 1)
    with pytest.raises(ValueError, match="rows of products and w"):
        native.nmf_sweep(x[:3] @ h, h.T @ h, 0.0, 0.0, 1, 0.0, w, 1)
    with pytest.raises(ValueError, match="rows of x and w"):
        of_sparse(sparse.csr_array(x), w[:2].copy(), h, 1)
    with pytest.raises(TypeError):
        native.nmf_quotients(x.astype(np.float32), w, h, False, True, 1)
