"""The linearised problem and its rows against dense least squares in NumPy."""

import numpy as np
import pytest
from scipy import sparse

from eckart._native import completion as native

DTYPES = [np.float32, np.float64]


def problem(n, m, rank, density, dtype, seed=0):
    """Entries that factors near (u, v) meet, from both sides, and the factors."""
    rng = np.random.default_rng(seed)
    mask = sparse.random_array((n, m), density=density, rng=rng, format="csr").astype(dtype)
    mask.sort_indices()
    u, v = (rng.standard_normal((size, rank)).astype(dtype) for size in (n, m))
    mask.data = rng.standard_normal(mask.nnz).astype(dtype)
    return views(mask), mask, u, v


def views(matrix):
    arrays = []
    for side in (matrix, matrix.T.tocsr()):
        side.sort_indices()
        arrays += [side.indptr.astype(np.int64), side.indices.astype(np.int32), side.data]
    return arrays


def jacobian(mask, u, v):
    """The derivative of the observed products, (n_stored, (n + m) rank), dense."""
    entries = mask.tocoo()
    rank = u.shape[1]
    out = np.zeros((entries.nnz, len(u) + len(v), rank))
    for e, (i, j) in enumerate(zip(entries.row, entries.col, strict=True)):
        out[e, i] += v[j]
        out[e, len(u) + j] += u[i]
    return out.reshape(entries.nnz, -1), entries


def whitening(mask, u, v):
    """The block-diagonal metric in which the step is to be the shortest: each row's own Gram matrix."""
    pattern = (mask.toarray() != 0).astype(float)
    rank = u.shape[1]
    blocks = [np.linalg.cholesky(v.T @ (row[:, None] * v)) for row in pattern]
    blocks += [np.linalg.cholesky(u.T @ (column[:, None] * u)) for column in pattern.T]
    size = len(blocks) * rank
    out = np.zeros((size, size))
    for b, block in enumerate(blocks):
        out[b * rank : (b + 1) * rank, b * rank : (b + 1) * rank] = block.T
    return out  # |out z| is the norm of z


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "m", "rank"), [(23, 17, 1), (23, 17, 3), (31, 29, 9), (27, 26, 17)])
def test_step_is_the_shortest_least_squares_solution(n, m, rank, dtype):
    """Of all that fit the linearised entries equally well, the one of least norm in the rows' own metric."""
    arrays, mask, u, v = problem(n, m, rank, 0.85, dtype)
    x, y, steps = native.gauss_newton_step(
        *arrays, u, v, 2000, {np.float64: 1e-13, np.float32: 1e-5}[dtype], 2
    )
    a, entries = jacobian(mask, u.astype(float), v.astype(float))
    residual = entries.data.astype(float) - np.einsum("er,er->e", u[entries.row], v[entries.col], dtype=float)
    metric = whitening(mask, u.astype(float), v.astype(float))
    expected = np.linalg.solve(
        metric, np.linalg.lstsq(a @ np.linalg.inv(metric), residual, rcond=1e-9 if rank < 17 else 1e-10)[0]
    )
    found = np.concatenate([x.ravel(), y.ravel()])
    tolerance = {np.float64: 1e-6, np.float32: 2e-2}[dtype]
    assert np.linalg.norm(found - expected) <= tolerance * np.linalg.norm(expected)
    assert 0 < steps < 2000


@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_lower_the_linearised_residual(dtype):
    """A step that is cut short is still a step: each conjugate gradient fits the entries better."""
    arrays, mask, u, v = problem(60, 50, 4, 0.5, dtype)
    a, entries = jacobian(mask, u.astype(float), v.astype(float))
    residual = entries.data - np.einsum("er,er->e", u[entries.row], v[entries.col])
    norms = [np.linalg.norm(residual)]
    for limit in (1, 2, 4, 8, 16):
        x, y, steps = native.gauss_newton_step(*arrays, u, v, limit, 0.0, 1)
        assert steps == limit
        norms.append(np.linalg.norm(residual - a @ np.concatenate([x.ravel(), y.ravel()])))
    assert (np.diff(norms) < 0).all()


def test_tolerance_ends_the_steps():
    """An easy problem is not paid for like a hard one."""
    arrays, _, u, v = problem(60, 50, 2, 0.9, np.float64)
    loose, tight = (native.gauss_newton_step(*arrays, u, v, 1000, tol, 1)[2] for tol in (1e-2, 1e-10))
    assert loose < tight < 1000


def test_zero_steps_and_empty_problems():
    """Nothing to do gives nothing, rows without entries included."""
    arrays, _, u, v = problem(13, 11, 3, 0.5, np.float64)
    x, y, steps = native.gauss_newton_step(*arrays, u, v, 0, 0.0, 1)
    assert steps == 0
    assert not x.any()
    assert not y.any()
    nothing = views(sparse.csr_array((13, 11)))
    x, y, steps = native.gauss_newton_step(*nothing, u, v, 10, 0.0, 1)
    assert steps == 0
    assert not x.any()
    assert not y.any()


def test_rows_with_too_few_entries_stay_finite():
    """A singular block must not spoil its row: what has no pivot is left out."""
    arrays, _, u, v = problem(40, 30, 5, 0.08, np.float64)
    x, y, _ = native.gauss_newton_step(*arrays, u, v, 50, 1e-12, 1)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    assert not x[np.diff(arrays[0]) == 0].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_number_of_threads_gives_the_same_bits(dtype):
    """A search of chaotic steps would otherwise end elsewhere on another machine."""
    arrays, _, u, v = problem(3000, 2000, 5, 0.01, dtype)
    answers = [native.gauss_newton_step(*arrays, u, v, 15, 0.0, threads) for threads in (1, 2, 3, 5)]
    for x, y, steps in answers[1:]:
        assert np.array_equal(x, answers[0][0])
        assert np.array_equal(y, answers[0][1])
        assert steps == answers[0][2]
    refined = []
    for threads in (1, 2, 3, 5):
        out = np.zeros_like(u)
        native.refine_rows(*arrays[:3], v, 1e-6, out, threads)
        refined.append(out)
    assert all(np.array_equal(refined[0], other) for other in refined[1:])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [1, 3, 8, 11])
def test_refined_rows_equal_least_squares(rank, dtype):
    """With a few rounds the ridge is gone: NumPy's solution, of least norm where entries are too few."""
    arrays, mask, _, v = problem(50, 40, rank, 0.3, dtype)
    found = np.zeros((50, rank), dtype)
    for _ in range(6):
        native.refine_rows(*arrays[:3], v, {np.float64: 1e-9, np.float32: 1e-4}[dtype], found, 2)
    pattern = mask.toarray()
    for i, row in enumerate(pattern):
        here = np.flatnonzero(row)
        expected = np.linalg.lstsq(v[here].astype(float), row[here].astype(float), rcond=None)[0]
        # The error of the solution is that of the fit times the condition; compare what is fitted.
        tolerance = {np.float64: 1e-6, np.float32: 1e-2}[dtype] * max(1.0, np.abs(row).max())
        np.testing.assert_allclose(v[here] @ found[i], v[here] @ expected, atol=tolerance)
        assert np.linalg.norm(found[i]) <= np.linalg.norm(expected) * 1.01 + tolerance


def test_wrong_shapes_are_refused():
    """Memory safety: whatever does not fit is a ValueError before the kernel runs."""
    arrays, _, u, v = problem(13, 11, 3, 0.5, np.float64)
    with pytest.raises(ValueError, match="rows of the entries and of u"):
        native.gauss_newton_step(*arrays, u[:-1].copy(), v, 1, 0.0, 1)
    with pytest.raises(ValueError, match="columns of u and v"):
        native.gauss_newton_step(*arrays, u, np.zeros((11, 2)), 1, 0.0, 1)
    with pytest.raises(ValueError, match="threads"):
        native.gauss_newton_step(*arrays, u, v, 1, 0.0, 0)
    with pytest.raises(ValueError, match="rank of fixed"):
        native.refine_rows(*arrays[:3], v, 0.0, np.zeros((13, 2)), 1)
    with pytest.raises(TypeError):
        native.gauss_newton_step(*arrays, u.astype(np.float32), v, 1, 0.0, 1)
