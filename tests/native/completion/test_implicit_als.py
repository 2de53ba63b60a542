"""The kernels of ALS with weights and unobserved pairs against NumPy over the dense matrix."""

import numpy as np
import pytest
from tests.completion import implicit_reference as reference

from eckart._native import base as native_base
from eckart._native import completion as native
from eckart.base.csr import Csr

ALPHA = 0.3
N_COLS = 211
amx_only = pytest.mark.skipif(not native_base.amx_available(), reason="this processor has no AMX")
WAYS = {"cholesky": {}, "cg": {"cg_steps": 3}, "subspace": {"block": 16}}


class Problem:
    """Rows of 0, 1, 2, ... entries with weights and preferences, a fixed side, and the dense truth."""

    def __init__(self, rank, dtype=np.float64, *, weighted=True, biased=True, counts=None, n_cols=N_COLS):
        rng = np.random.default_rng(rank)
        if counts is None:
            counts = rng.permutation([0, 1, 2, 3, 5, 7, 16, 17, 31, 32, 33, 64, 65, 127, 200, 0, 1])
        self.n_cols = max(n_cols, max(counts))
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        indices = np.concatenate([np.sort(rng.permutation(self.n_cols)[:c]) for c in counts]).astype(np.int32)
        n = indptr[-1]
        self.values = (rng.random(n) < 0.8).astype(dtype) if weighted else None
        self.weights = rng.exponential(2, n).astype(dtype) if weighted else None
        self.rows = Csr(indptr, indices, self.values, self.n_cols)
        self.fixed = rng.normal(0, 0.5, (self.n_cols, rank)).astype(dtype)
        self.bias = rng.normal(0, 0.3, self.n_cols).astype(dtype) if biased else None
        self.reg = (0.2 + 0.05 * self.rows.counts).astype(dtype)
        self.start = (
            rng.normal(0, 0.3, (len(counts), rank)).astype(dtype),
            rng.normal(0, 0.3, len(counts)).astype(dtype) if biased else None,
        )

    def dense(self):
        """Return (weights, preferences) of all pairs."""
        at = np.repeat(np.arange(self.rows.n_rows), self.rows.counts), self.rows.indices
        weights, preferences = np.zeros((2, self.rows.n_rows, self.n_cols))
        weights[at] = 1.0 if self.weights is None else self.weights
        preferences[at] = 1.0 if self.values is None else self.values
        return weights, preferences

    def solve(self, *, rows=None, cg_steps=0, block=0, amx=False, threads=2, start=None):
        """Return (factors, biases, the loss that the half-step says it left)."""
        factors, bias = (None if part is None else part.copy() for part in start or self.start)
        loss = native.als_solve(
            self.rows.indptr, self.rows.indices, self.values, self.weights, ALPHA, self.fixed, self.bias, 0.0,
            self.reg, factors, bias, rows, cg_steps, block, True, amx, threads,
        )  # fmt: skip
        return factors, bias, loss

    def loss(self, factors, bias):
        biases = (0.0, 0.0) if bias is None else (bias, self.bias)
        return reference.loss(*self.dense(), ALPHA, factors, self.fixed, *biases)

    def penalty(self, factors, bias):
        squares = (factors.astype(float) ** 2).sum(axis=1) + (0 if bias is None else bias.astype(float) ** 2)
        return float(self.reg.astype(float) @ squares)


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 2e-4), (np.float64, 1e-11)])
@pytest.mark.parametrize("rank", [1, 2, 7, 16, 17, 33, 64, 65, 129])
@pytest.mark.parametrize(("weighted", "biased"), [(True, True), (True, False), (False, True), (False, False)])
def test_rows_equal_numpy(rank, dtype, close, weighted, biased):
    """Every unobserved pair counts, though none is visited: the shared Gram matrix stands for them all."""
    problem = Problem(rank, dtype, weighted=weighted, biased=biased)
    wanted = reference.half_solve(
        *problem.dense(), ALPHA, problem.fixed, problem.bias, problem.reg.astype(float)
    )
    factors, bias, _ = problem.solve()
    np.testing.assert_allclose(factors, wanted[0], rtol=0, atol=close)
    if biased:
        np.testing.assert_allclose(bias, wanted[1], rtol=0, atol=close)


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("weighted", "biased"), [(True, True), (False, False)])
@pytest.mark.parametrize("rank", [1, 15, 16, 33, 65])
def test_the_loss_that_a_half_step_returns(rank, way, weighted, biased, dtype, close):
    """history_ shows the whole objective, with the pairs that nobody has looked at."""
    problem = Problem(rank, dtype, weighted=weighted, biased=biased)
    factors, bias, loss = problem.solve(**WAYS[way])
    assert loss == pytest.approx(problem.loss(factors, bias), rel=close)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("biased", [True, False])
def test_every_solver_descends_to_the_solution(way, biased):
    """From any start the objective of a row falls in each call, to where Cholesky goes at once."""
    problem = Problem(37, biased=biased)
    exact = problem.solve()
    point, before = problem.start, np.inf
    for _ in range(250):
        factors, bias, loss = problem.solve(**WAYS[way], start=point)
        now = loss + problem.penalty(factors, bias)
        assert now <= before * (1 + 1e-12)
        point, before = (factors, bias), now
    np.testing.assert_allclose(factors, exact[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("block", [5, 16, 33, 64, 200])
@pytest.mark.parametrize("biased", [True, False])
def test_a_block_is_solved_exactly(block, biased):
    """Each block is a Gauss-Seidel step: the rest fixed, its gradient is zero; one block is Cholesky."""
    rank = 33
    problem = Problem(rank, biased=biased)
    weights, preferences = problem.dense()
    factors, bias = (None if part is None else part.astype(float) for part in problem.start)
    offset = np.zeros(problem.n_cols) if bias is None else problem.bias
    for begin in range(0, rank, block):
        columns = slice(begin, min(rank, begin + block))
        last = columns.stop == rank and biased
        others = np.delete(np.arange(rank), np.arange(rank)[columns])
        for u in np.flatnonzero((problem.rows.counts > 0) | biased):
            x = problem.fixed[:, columns]
            rest = problem.fixed[:, others] @ factors[u, others] + offset
            if last:
                x = np.column_stack([x, np.ones(problem.n_cols)])
            elif biased:
                rest = rest + bias[u]
            system = (x.T * (weights[u] + ALPHA)) @ x + problem.reg[u] * np.eye(x.shape[1])
            step = np.linalg.solve(system, x.T @ (weights[u] * (preferences[u] - rest) - ALPHA * rest))
            factors[u, columns] = step[: columns.stop - begin]
            if last:
                bias[u] = step[-1]
    if not biased:
        factors[problem.rows.counts == 0] = 0
    got = problem.solve(block=block)
    np.testing.assert_allclose(got[0], factors, rtol=0, atol=1e-10)
    if biased:
        np.testing.assert_allclose(got[1], bias, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("rank", "weighted"), [(3, True), (64, False), (65, True)])
def test_same_bits_on_any_number_of_threads(dtype, way, rank, weighted):
    """The shared Gram matrix is a sum over all rows: its order must not be that of the threads."""
    rng = np.random.default_rng(0)
    problem = Problem(rank, dtype, weighted=weighted, counts=rng.integers(0, 300, 150), n_cols=2111)
    first, *others = (problem.solve(**WAYS[way], threads=threads) for threads in (1, 2, 3, 5, 2))
    for other in others:
        for one, two in zip(first, other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("way", WAYS)
def test_subset(way):
    """Listed rows get the bits that all rows would, in any order; the others are not touched."""
    problem = Problem(19)
    whole, subset = problem.solve(**WAYS[way]), np.array([11, 2, 5], np.int32)
    some = problem.solve(**WAYS[way], rows=subset)
    others = np.setdiff1d(np.arange(problem.rows.n_rows), subset)
    for got, all_rows, old in zip(some[:2], whole[:2], problem.start, strict=True):
        np.testing.assert_array_equal(got[subset], all_rows[subset])
        np.testing.assert_array_equal(got[others], old[others])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-4), (np.float64, 1e-10)])
def test_a_heavy_row(way, dtype, close):
    """A hit has been played by everyone: rows past every limit on packed tiles get the same answer."""
    problem = Problem(17, dtype, counts=[3, 40_009, 0, 5])
    fixed, bias = problem.fixed.astype(float), problem.bias.astype(float)
    weights, preferences = problem.dense()
    x = np.column_stack([fixed, np.ones(len(fixed))])
    factors, biases, _ = problem.solve(
        **{"cholesky": {}, "cg": {"cg_steps": 60}, "subspace": {"block": 17}}[way]
    )
    for u, reg in enumerate(problem.reg.astype(float)):
        system = (x.T * (weights[u] + ALPHA)) @ x + reg * np.eye(18)
        wanted = np.linalg.solve(system, x.T @ (weights[u] * (preferences[u] - bias) - ALPHA * bias))
        np.testing.assert_allclose(np.append(factors[u], biases[u]), wanted, rtol=0, atol=close)


@amx_only
@pytest.mark.parametrize("rank", [56, 64, 65, 128, 160])
@pytest.mark.parametrize("biased", [True, False])
def test_matrix_unit_reaches_float32(rank, biased):
    """Refinement sees the unobserved pairs too: the answer is as near to the exact one as float32's."""
    problem = Problem(rank, np.float32, weighted=False, biased=biased)
    wanted = reference.half_solve(
        *problem.dense(), ALPHA, problem.fixed, problem.bias, problem.reg.astype(float)
    )
    plain, refined = problem.solve(), problem.solve(amx=True)
    for exact, by_vectors, by_matrices in zip(wanted, plain, refined, strict=False):
        if by_vectors is not None:
            rounding = np.abs(by_vectors - exact).max()
            assert 0 < np.abs(by_matrices - exact).max() < 5 * rounding + 4e-6
            assert (by_matrices != by_vectors).any()  # it took the other path
    assert refined[2] == pytest.approx(problem.loss(*refined[:2]), rel=1e-5)
