"""The kernels of ALS against NumPy at awkward sizes."""

import numpy as np
import pytest
from tests.completion import reference

from eckart._native import base as native_base
from eckart._native import completion as native
from eckart.base.csr import Csr

RANKS = [1, 2, 3, 7, 16, 17, 31, 32, 33, 64, 65, 100, 129]
N_COLS = 331


def problem(rank, dtype=np.float64, seed=0, counts=None):
    """Rows of 0, 1, 2, ... ratings, in no order, and a fixed side."""
    rng = np.random.default_rng(seed)
    if counts is None:
        counts = rng.permutation([0, 1, 2, 3, 5, 7, 15, 16, 17, 31, 32, 33, 64, 65, 127, 200, 300, 0, 1])
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    n_cols = max(N_COLS, max(counts))
    indices = [np.sort(rng.permutation(n_cols)[:c]) for c in counts]
    rows = Csr(
        indptr, np.concatenate(indices).astype(np.int32), rng.normal(3, 1, indptr[-1]).astype(dtype), n_cols
    )
    fixed = rng.normal(0, 0.5, (n_cols, rank)).astype(dtype)
    return rows, fixed, rng.normal(0, 0.3, n_cols).astype(dtype), (0.1 + 0.05 * rows.counts).astype(dtype)


def solve(
    rows, fixed, fixed_bias, reg, *, subset=None, cg_steps=0, threads=2, start=None, mean=3.0, amx=False
):
    n, rank = rows.n_rows, fixed.shape[1]
    factors = np.full((n, rank), 7, fixed.dtype) if start is None else start[0].copy()
    bias = None
    if fixed_bias is not None:
        bias = np.full(n, 7, fixed.dtype) if start is None else start[1].copy()
    native.als_solve(
        rows.indptr, rows.indices, rows.values, None, 0.0, fixed, fixed_bias, mean, reg, factors, bias,
        subset, cg_steps, 0, False, amx, threads,
    )  # fmt: skip
    return factors, bias


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 2e-3), (np.float64, 1e-10)])
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("biased", [True, False])
def test_rows_equal_numpy(rank, dtype, close, biased):
    """Blocks, vector widths and tails: every size goes through other code."""
    rows, fixed, bias, reg = problem(rank, dtype)
    bias = bias if biased else None
    wanted = reference.half_solve(rows, fixed, bias, 3.0, reg.astype(np.float64))
    got = solve(rows, fixed, bias, reg)
    np.testing.assert_allclose(got[0], wanted[0], rtol=0, atol=close)
    if biased:
        np.testing.assert_allclose(got[1], wanted[1], rtol=0, atol=close)
    else:
        assert got[1] is None


@pytest.mark.parametrize("heavy", [20_000, 32_768, 32_769, 50_021])
@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-4), (np.float64, 1e-11)])
def test_a_heavy_row(dtype, close, heavy):
    """The most active user has rated everything: long sums, past 32,768 ratings shared by all threads."""
    rows, fixed, bias, reg = problem(17, dtype, counts=[3, heavy, 0, 5])
    wanted = reference.half_solve(rows, fixed, bias, 3.0, reg.astype(np.float64))
    got = solve(rows, fixed, bias, reg)
    np.testing.assert_allclose(got[0], wanted[0], rtol=0, atol=close)
    np.testing.assert_allclose(got[1], wanted[1], rtol=0, atol=close)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cg_steps", [0, 3])
@pytest.mark.parametrize("rank", [3, 32, 65])
def test_same_bits_on_any_number_of_threads(dtype, cg_steps, rank):
    """Results are reproducible from a laptop to a server."""
    rng = np.random.default_rng(0)
    rows, fixed, bias, reg = problem(rank, dtype, counts=rng.integers(0, 300, 150))
    start = rng.normal(size=(150, rank)).astype(dtype), np.zeros(150, dtype)
    results = [
        solve(rows, fixed, bias, reg, cg_steps=cg_steps, threads=threads, start=start)
        for threads in (1, 2, 3, 5, 2)
    ]
    for result in results[1:]:
        np.testing.assert_array_equal(result[0], results[0][0])
        np.testing.assert_array_equal(result[1], results[0][1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cg_steps", [0, 3])
def test_same_bits_of_heavy_rows(dtype, cg_steps):
    """Rows that the threads share are where an order of sums could slip in."""
    rows, fixed, bias, reg = problem(33, dtype, counts=[40_009, 3, 33_000, 0, 12])
    start = np.zeros((5, 33), dtype), np.zeros(5, dtype)
    first, *others = (
        solve(rows, fixed, bias, reg, cg_steps=cg_steps, threads=threads, start=start)
        for threads in (1, 2, 3, 5, 2)
    )
    for other in others:
        np.testing.assert_array_equal(other[0], first[0])
        np.testing.assert_array_equal(other[1], first[1])


@pytest.mark.parametrize("cg_steps", [0, 2])
def test_subset(cg_steps):
    """Listed rows get the bits that all rows would, in any order; the others are not touched."""
    rows, fixed, bias, reg = problem(9)
    start = np.full((rows.n_rows, 9), 0.5), np.full(rows.n_rows, 0.25)
    whole = solve(rows, fixed, bias, reg, cg_steps=cg_steps, start=start)
    subset = np.array([11, 2, 5], np.int32)
    some = solve(rows, fixed, bias, reg, subset=subset, cg_steps=cg_steps, start=start)
    others = np.setdiff1d(np.arange(rows.n_rows), subset)
    for got, all_rows, old in zip(some, whole, start, strict=True):
        np.testing.assert_array_equal(got[subset], all_rows[subset])
        np.testing.assert_array_equal(got[others], old[others])
    none = solve(rows, fixed, bias, reg, subset=np.empty(0, np.int32), cg_steps=cg_steps, start=start)
    np.testing.assert_array_equal(none[0], start[0])


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-2), (np.float64, 1e-6)])
@pytest.mark.parametrize("rank", [1, 4, 33])
def test_conjugate_gradients_reach_the_solution(dtype, close, rank):
    """Enough steps solve a row (to 1e-7 of its first residual); each of them lowers the row's objective."""
    rows, fixed, bias, reg = problem(rank, dtype)
    exact = solve(rows, fixed, bias, reg)
    start = np.zeros((rows.n_rows, rank), dtype), np.zeros(rows.n_rows, dtype)
    before = np.inf
    for steps in (1, 2, rank + 1, 3 * rank + 9):
        got = solve(rows, fixed, bias, reg, cg_steps=steps, start=start)
        error = native.als_squared_error(
            rows.indptr, rows.indices, rows.values, fixed, bias, 3.0, got[0], got[1], 1
        )
        value = error + native.als_penalty(got[0], got[1], reg, 1)
        assert value <= before * (1 + 1e-6)
        before = value
    np.testing.assert_allclose(got[0], exact[0], rtol=0, atol=close)
    np.testing.assert_allclose(got[1], exact[1], rtol=0, atol=close)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_singular_rows_are_finite(dtype):
    """Without a penalty, fewer ratings than factors leave many solutions: one that fits is taken."""
    rows, fixed, bias, reg = problem(33, dtype, counts=[0, 1, 2, 5, 20])
    factors, biases = solve(rows, fixed, bias, np.zeros_like(reg))
    assert np.isfinite(factors).all()
    error = native.als_squared_error(
        rows.indptr, rows.indices, rows.values, fixed, bias, 3.0, factors, biases, 1
    )
    assert error < (1e-2 if dtype == np.float32 else 1e-8)


@pytest.mark.parametrize(("dtype", "rel"), [(np.float32, 1e-5), (np.float64, 1e-13)])
@pytest.mark.parametrize("rank", [1, 17, 64, 100])
def test_objective_parts(dtype, rel, rank):
    """The objective that history_ shows is the one that is documented, on any number of threads."""
    rng = np.random.default_rng(0)
    rows, fixed, fixed_bias, reg = problem(rank, dtype, counts=rng.integers(0, 200, 700))
    factors, bias = rng.normal(size=(700, rank)).astype(dtype), rng.normal(size=700).astype(dtype)
    row = np.repeat(np.arange(700), rows.counts)
    u, v = factors[row].astype(float), fixed[rows.indices].astype(float)
    for mine, theirs in ((bias, fixed_bias), (None, None)):
        shift = 0 if mine is None else mine[row].astype(float) + theirs[rows.indices]
        norms = np.sum(factors.astype(float) ** 2, axis=1) + (0 if mine is None else mine.astype(float) ** 2)
        squares = np.sum((rows.values - 3.0 - shift - np.sum(u * v, axis=1)) ** 2)
        arguments = rows.indptr, rows.indices, rows.values, fixed, theirs, 3.0, factors, mine
        errors = [native.als_squared_error(*arguments, threads) for threads in (1, 2, 3, 5)]
        penalties = [native.als_penalty(factors, mine, reg, threads) for threads in (1, 2, 3, 5)]
        assert errors[0] == pytest.approx(squares, rel=rel)
        assert penalties[0] == pytest.approx(reg.astype(float) @ norms, rel=rel)
        assert len(set(errors)) == len(set(penalties)) == 1


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("rank", [1, 7, 64, 129])
def test_predict_pairs(dtype, close, rank):
    """Unknown codes (-1) contribute nothing; a pair's prediction does not depend on its neighbours."""
    rng = np.random.default_rng(0)
    users, items = (rng.normal(size=(n, rank)).astype(dtype) for n in (11, 13))
    user_bias, item_bias = rng.normal(size=11).astype(dtype), rng.normal(size=13).astype(dtype)
    u, i = (rng.integers(-1, n, 10_007).astype(np.int32) for n in (11, 13))
    for b, c in ((user_bias, item_bias), (None, None)):
        inner = np.sum(users[u].astype(float) * items[i], axis=1) * ((u >= 0) & (i >= 0))
        shift = 0 if b is None else b[u].astype(float) * (u >= 0) + c[i].astype(float) * (i >= 0)
        got = native.predict_pairs(users, items, b, c, 2.5, u, i, 1)
        assert got.dtype == dtype
        np.testing.assert_allclose(got, 2.5 + shift + inner, rtol=0, atol=close)
        for threads in (2, 3, 5):
            np.testing.assert_array_equal(native.predict_pairs(users, items, b, c, 2.5, u, i, threads), got)
        np.testing.assert_array_equal(
            native.predict_pairs(users, items, b, c, 2.5, u[5000:5003], i[5000:5003], 1), got[5000:5003]
        )
    empty = np.empty(0, np.int32)
    assert native.predict_pairs(users, items, None, None, 0.0, empty, empty, 2).shape == (0,)
    with pytest.raises(ValueError, match="codes within the model"):
        native.predict_pairs(users, items, None, None, 0.0, np.array([11], np.int32), u[:1], 1)


amx_only = pytest.mark.skipif(not native_base.amx_available(), reason="this processor has no AMX")


@amx_only
@pytest.mark.parametrize("rank", [56, 57, 64, 65, 96, 127, 128, 129, 160, 193])
@pytest.mark.parametrize("biased", [True, False])
def test_matrix_unit_reaches_float32(rank, biased):
    """Systems of bf16 factors are refined until they are as near to the exact solution as float32 ones."""
    rows, fixed, bias, reg = problem(rank, np.float32)
    bias = bias if biased else None
    wanted = reference.half_solve(
        rows, fixed.astype(float), bias if bias is None else bias.astype(float), 3.0, reg.astype(float)
    )
    plain, refined = (solve(rows, fixed, bias, reg, amx=amx) for amx in (False, True))
    for exact, by_vectors, by_matrices in zip(wanted, plain, refined, strict=True):
        if by_vectors is not None:
            rounding = np.abs(by_vectors - exact).max()
            assert 0 < np.abs(by_matrices - exact).max() < 5 * rounding + 4e-6
            assert (by_matrices != by_vectors).any()  # it took the other path


@amx_only
@pytest.mark.parametrize("rank", [64, 129])
def test_matrix_unit_gives_the_same_bits(rank):
    """Short rows, rows of many tiles and rows shared by all threads, on any number of threads."""
    rng = np.random.default_rng(0)
    counts = [*rng.integers(0, 300, 100), 40_009, 8_200, 0, 1]
    rows, fixed, bias, reg = problem(rank, np.float32, counts=counts)
    first, *others = (solve(rows, fixed, bias, reg, amx=True, threads=threads) for threads in (1, 2, 3, 5, 2))
    for other in others:
        np.testing.assert_array_equal(other[0], first[0])
        np.testing.assert_array_equal(other[1], first[1])


@amx_only
@pytest.mark.parametrize("ridge", [0.0, 1e-7, 1e-4])
def test_matrix_unit_on_rows_it_cannot_solve(ridge):
    """Where rounding to bf16 loses the system, the row is solved from exact equations: the fit is as good."""
    rows, fixed, bias, reg = problem(64, np.float32, counts=[0, 1, 2, 5, 20, 63, 66, 70, 200, 300])
    fixed[:, 1] = fixed[:, 0] * (1 + 1e-3 * fixed[:, 2])  # two factors that bf16 cannot tell apart
    errors = []
    for amx in (False, True):
        factors, biases = solve(rows, fixed, bias, np.full_like(reg, ridge), amx=amx)
        assert np.isfinite(factors).all()
        errors.append(
            native.als_squared_error(
                rows.indptr, rows.indices, rows.values, fixed, bias, 3.0, factors, biases, 1
            )
        )
    assert errors[1] < errors[0] * 1.01 + 1e-2


@pytest.mark.parametrize("amx", [False, pytest.param(True, marks=amx_only)])
@pytest.mark.parametrize("rank", [3, 64, 100, 129])
def test_the_error_that_a_half_step_returns(rank, amx):
    """history_ takes the squared error from the solve itself: it is that of the factors that it stored."""
    rows, fixed, bias, reg = problem(rank, np.float32)
    factors, biases = np.zeros((rows.n_rows, rank), np.float32), np.zeros(rows.n_rows, np.float32)
    ratings, sides = (rows.indptr, rows.indices, rows.values), (fixed, bias, 3.0)
    returned = native.als_solve(*ratings, None, 0.0, *sides, reg, factors, biases, None, 0, 0, True, amx, 2)
    error = native.als_squared_error(*ratings, *sides, factors, biases, 2)
    assert returned == pytest.approx(error, rel=2e-6)


def arguments(**changes):
    rows, fixed, bias, reg = problem(3)
    factors, out_bias = np.zeros((rows.n_rows, 3)), np.zeros(rows.n_rows)
    named = {
        "indptr": rows.indptr, "indices": rows.indices, "values": rows.values, "weights": None,
        "unobserved": 0.0, "fixed": fixed,
        "fixed_bias": bias, "mean": 3.0, "reg": reg, "factors": factors, "bias": out_bias, "rows": None,
        "cg_steps": 0, "block": 0, "with_error": True, "use_amx": False, "threads": 1,
    }  # fmt: skip
    return named | changes


WRONG_SHAPES = {
    "indices": np.zeros(3, np.int32),
    "values": np.zeros(3),
    "weights": np.zeros(4),
    "fixed": np.zeros((N_COLS, 4)),
    "fixed_bias": np.zeros(N_COLS - 1),
    "reg": np.zeros(2),
    "factors": np.zeros((3, 3)),
    "bias": np.zeros(2),
    "indptr": np.zeros(0, np.int64),
    "rows": np.array([19], np.int32),
    "threads": 0,
}
WRONG_TYPES = {
    "indptr": np.zeros(20, np.int32),
    "indices": np.zeros(920, np.int64),
    "values": np.zeros(920, np.float32),
    "fixed": np.asfortranarray(np.zeros((N_COLS, 3))),
    "factors": np.zeros((19, 3), np.float32),
    "rows": np.array([1]),
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_wrong_shapes(name):
    """The binding is the last door before raw memory."""
    with pytest.raises(ValueError, match="expected"):
        native.als_solve(**arguments(**{name: WRONG_SHAPES[name]}))


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_wrong_types(name):
    """Nothing is converted in silence: a copy would swallow the result, or land in the other overload."""
    with pytest.raises(TypeError):
        native.als_solve(**arguments(**{name: WRONG_TYPES[name]}))


def test_no_factors():
    """A rank of 0 is refused before any row is solved."""
    rows, fixed, _, reg = problem(3)
    with pytest.raises(ValueError, match="at least one factor"):
        solve(rows, np.ascontiguousarray(fixed[:, :0]), None, reg)


def test_biases_on_one_side_only():
    """Half a bias model is a mistake of the caller."""
    for name in ("fixed_bias", "bias"):
        with pytest.raises(ValueError, match="biases on both sides"):
            native.als_solve(**arguments(**{name: None}))


def test_read_only_input_is_taken():
    """Loaded models are mapped read-only; only the output must be writable."""
    named = arguments()
    for name in ("indptr", "indices", "values", "fixed", "fixed_bias", "reg"):
        named[name].flags.writeable = False
    native.als_solve(**named)
    assert named["factors"].any()
    named["factors"].flags.writeable = False
    with pytest.raises(ValueError, match="writ"):
        native.als_solve(**named)
