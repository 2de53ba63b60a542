"""The bases of block Krylov, the long one of which is not reorthogonalised where rounding allows it."""

import numpy as np
import pytest

import eckart as ek
from eckart.linalg import DenseMatrix, orthonormalize, randomized_svd, single_threaded
from eckart.linalg.krylov import BlockKrylov

SPECTRA = {
    "slow": lambda i: i**-0.25,
    "cubes": lambda i: i**-3.0,
    "halves": lambda i: 0.5**i,
    "cliff": lambda i: np.where(i < 4, 1e6, 1.0 + 1 / i),
    "rank 6": lambda i: np.where(i < 7, 1 / i, 0.0),
    "rank 40": lambda i: np.where(i < 41, 1.0, 0.0),
}


@pytest.fixture(autouse=True)
def one_thread():
    """NumPy's references on small matrices are quickest so."""
    with single_threaded():
        yield


def matrix(m, n, spectrum, dtype):
    """Return a matrix with these singular values."""
    rng = np.random.default_rng(0)
    u, v = (np.linalg.qr(rng.normal(size=(side, min(m, n))))[0] for side in (m, n))
    return ((u * SPECTRA[spectrum](np.arange(1.0, min(m, n) + 1))) @ v.T).astype(dtype)


def grown(a, steps, width=16):
    """Return the bases after some steps."""
    krylov = BlockKrylov(DenseMatrix(a), width, steps * width, a.dtype, np.random.default_rng(1))
    for _ in range(steps):
        krylov.step()
    return krylov


def loss(basis):
    """Return the largest entry of basis'basis - I, in roundings."""
    eps = np.finfo(basis.dtype).eps
    basis = basis.astype(np.float64)
    return np.abs(basis.T @ basis - np.eye(basis.shape[1])).max() / eps


@pytest.mark.parametrize("tol", [1e-2, 0.0])
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(601, 503), (300, 1201)])
def test_ill_conditioned(shape, dtype, spectrum, tol):
    """Both bases come out orthonormal to rounding, and the triplets are right, whatever the condition and
    after restarts: that Q is left alone may not be seen."""
    a = matrix(*shape, spectrum, dtype)
    found = randomized_svd(a, 11, tol=tol, max_iter=30, random_state=0)
    exact = a.astype(np.float64)
    top = np.linalg.norm(exact, 2)
    rounding = 100 * np.finfo(dtype).eps * top
    assert loss(found.U) < 50
    assert loss(found.V) < 50
    forward = np.linalg.norm(exact @ found.V - found.U * found.s, axis=0)
    backward = np.linalg.norm(exact.T @ found.U - found.V * found.s, axis=0)
    np.testing.assert_allclose(np.maximum(forward, backward), found.residual_norms, rtol=1e-6, atol=rounding)
    if found.converged:
        assert (found.residual_norms <= tol * found.s + rounding).all()
    near = np.abs(found.s[:, None] - np.linalg.svd(exact, compute_uv=False)).min(axis=1)
    assert (near <= found.residual_norms + rounding).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_side_is_enough(dtype):
    """A matrix as they are met: with one side reorthogonalised V'A'Q - B' stays at rounding, and so do Ritz
    vectors."""
    krylov = grown(matrix(900, 500, "slow", dtype), 12)
    assert not krylov.both_sides
    left, _, right, _ = krylov.ritz()
    u, v = krylov.vectors(left[:, :20], right[:, :20])
    assert loss(u) < 50
    assert loss(v) < 50


@pytest.mark.parametrize("spectrum", ["cubes", "halves", "rank 6"])
def test_loss_is_noticed(spectrum):
    """B gets small: Q would lose its orthogonality, which is seen and mended in the step that does it."""
    krylov = grown(matrix(900, 500, spectrum, np.float64), 6)
    assert krylov.both_sides
    b, s = krylov._b, krylov._coupling
    a = matrix(900, 500, spectrum, np.float64)
    np.testing.assert_allclose(a @ krylov._v, krylov._q @ b, atol=1e-13)
    np.testing.assert_allclose(a.T @ krylov._q, krylov._v @ b.T + krylov._next @ s, atol=1e-13)
    assert np.abs(b @ (krylov._q.T @ krylov._q - np.eye(96))).max() < 1e-13


def test_lost_vectors_are_replaced():
    """A Q that has lost directions altogether, as where A is zero, still gives an orthonormal U."""
    krylov = grown(matrix(900, 500, "slow", np.float64), 3)
    krylov._q[:, 5] = krylov._q[:, 4]
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(48, 48)))[0]
    assert loss(krylov.vectors(turn, turn)[0]) < 50


def test_u_is_the_nearest():
    """Mending turns no vector more than it must: U is the polar factor of what Q gave, in its order."""
    krylov = grown(matrix(900, 500, "slow", np.float64), 2)
    krylov._q += 1e-3 * np.random.default_rng(0).normal(size=krylov._q.shape) / 30
    u = krylov.vectors(np.eye(32)[:, :9], np.eye(32)[:, :9])[0]
    left, _, right = np.linalg.svd(krylov._q[:, :9], full_matrices=False)
    np.testing.assert_allclose(u, left @ right, atol=1e-12)
    q, _, r = orthonormalize(krylov._q[:, :9].copy(), np.random.default_rng(0))
    np.testing.assert_allclose(q @ r, krylov._q[:, :9], atol=1e-12)


@pytest.mark.parametrize("spectrum", ["slow", "halves"])
@pytest.mark.parametrize("shape", [(1801, 401), (401, 1801)])
def test_threads_do_not_change_bits(shape, spectrum):
    """Neither does the decision on the second reorthogonalisation."""
    a = matrix(*shape, spectrum, np.float32)
    answers = []
    for threads in (1, 2, 3, 5):
        ek.set_num_threads(threads)
        try:
            answers.append(randomized_svd(a, 9, tol=1e-3, random_state=0))
        finally:
            ek.set_num_threads(None)
    for other in answers[1:]:
        for name in ("U", "s", "V", "residual_norms"):
            np.testing.assert_array_equal(getattr(other, name), getattr(answers[0], name))
