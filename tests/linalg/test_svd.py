"""The truncated SVD against LAPACK, its error estimates against the truth, and Halko's bounds."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

import eckart as ek
from eckart.linalg import SparseMatrix, SparsePlusLowRank, randomized_svd, single_threaded

METHODS = ("krylov", "subspace")


@pytest.fixture(autouse=True)
def one_thread():
    """NumPy's references on small matrices are quickest so."""
    with single_threaded():
        yield


def decaying(m, n, power=1.0, seed=0, dtype=np.float64):
    """Return a matrix whose singular values are known: 1 / i^power."""
    rng = np.random.default_rng(seed)
    r = min(m, n)
    u, v = (np.linalg.qr(rng.normal(size=(side, r)))[0] for side in (m, n))
    s = np.arange(1.0, r + 1) ** -power
    return ((u * s) @ v.T).astype(dtype), s


def residuals(a, found):
    """Return the two residual norms of every triplet, the larger one."""
    a = a.astype(np.float64)
    forward = np.linalg.norm(a @ found.V - found.U * found.s, axis=0)
    return np.maximum(forward, np.linalg.norm(a.T @ found.U - found.V * found.s, axis=0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(449, 307), (307, 449)])
def test_values_and_vectors(method, dtype, shape):
    """Singular values within their residuals, bases orthonormal, and the residuals are what is reported."""
    a, s = decaying(*shape, dtype=dtype)
    found = randomized_svd(a, 11, method=method, tol=1e-3, random_state=0)
    eps = 100 * np.finfo(dtype).eps
    assert found.converged
    assert found.U.dtype == found.s.dtype == found.V.dtype == dtype
    assert (found.U.shape, found.s.shape, found.Vt.shape) == ((shape[0], 11), (11,), (11, shape[1]))
    np.testing.assert_allclose(residuals(a, found), found.residual_norms, atol=eps)
    assert (found.residual_norms <= 1e-3 * found.s + eps).all()
    assert (np.abs(found.s - s[:11]) <= found.residual_norms + eps).all()
    np.testing.assert_allclose(found.U.T @ found.U, np.eye(11), atol=eps)
    np.testing.assert_allclose(found.V.T @ found.V, np.eye(11), atol=eps)


@pytest.mark.parametrize("method", METHODS)
def test_tolerance_is_met_on_a_hard_spectrum(method):
    """Slow decay takes restarts and many passes; the answer is as exact as asked for all the same."""
    a, s = decaying(601, 503, power=0.25)
    found = randomized_svd(a, 5, method=method, tol=1e-7, max_iter=3000, random_state=1)
    assert found.converged
    assert residuals(a, found).max() <= 1.01e-7
    np.testing.assert_allclose(found.s, s[:5], rtol=1e-9)


def test_limit_is_kept_and_said():
    """Who gives few iterations gets what they bring, and is told."""
    a, _ = decaying(601, 503, power=0.1)
    for method in METHODS:
        found = randomized_svd(a, 5, method=method, tol=1e-10, max_iter=2, random_state=1)
        assert not found.converged
        assert found.n_iter == 2
        np.testing.assert_allclose(residuals(a, found), found.residual_norms, rtol=1e-8)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact_rank(method, dtype):
    """Where nothing is left the other values are zero to rounding and the bases are still orthonormal."""
    rng = np.random.default_rng(0)
    a = (rng.normal(size=(500, 6)) @ rng.normal(size=(6, 400))).astype(dtype)
    found = randomized_svd(a, 20, method=method, random_state=0)
    want = np.linalg.svd(a.astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(found.s, want[:20], atol=100 * np.finfo(dtype).eps * want[0])
    for basis in (found.U, found.V):
        np.testing.assert_allclose(basis.T @ basis, np.eye(20), atol=1e-4)
    assert found.converged


@pytest.mark.parametrize("method", METHODS)
def test_zeros_and_repeated_values(method):
    """A zero matrix and one with equal singular values are no special cases."""
    found = randomized_svd(np.zeros((300, 280)), 4, method=method, random_state=0)
    np.testing.assert_array_equal(found.s, 0)
    np.testing.assert_allclose(found.U.T @ found.U, np.eye(4), atol=1e-12)
    s = np.repeat([3.0, 2.0, 1.0, 0.1], [3, 4, 5, 300])
    found = randomized_svd(np.diag(s), 12, method=method, tol=1e-6, random_state=0)
    np.testing.assert_allclose(found.s, s[:12], rtol=1e-9)


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 3), (23, 300)])
def test_small_sides(shape, k):
    """A basis would fill the space: all values come out, to rounding."""
    a = np.random.default_rng(0).normal(size=shape)
    k = min(k, *shape)
    for method in METHODS:
        found = randomized_svd(a, k, method=method, tol=1e-10, max_iter=1000, random_state=0)
        np.testing.assert_allclose(found.s, np.linalg.svd(a, compute_uv=False)[:k], rtol=1e-9)
        np.testing.assert_allclose(residuals(a, found), 0, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_operators_agree(method):
    """Dense, sparse in any format, sparse plus low rank and SciPy's operators: one answer."""
    rng = np.random.default_rng(2)
    matrix = sparse.random_array((311, 257), density=0.1, rng=rng, format="csr")
    u, v = rng.normal(size=(311, 2)), rng.normal(size=(257, 2))
    want = np.linalg.svd(matrix.toarray(), compute_uv=False)[:6]
    lent = SparseMatrix.from_scipy(matrix)
    forms = (matrix.toarray(), matrix, matrix.tocoo(), matrix.tocsc(), lent, aslinearoperator(matrix))
    for form in forms:
        found = randomized_svd(form, 6, method=method, tol=1e-7, random_state=0)
        np.testing.assert_allclose(found.s, want, rtol=1e-9)
    found = randomized_svd(SparsePlusLowRank(lent, u, v), 6, method=method, tol=1e-7, random_state=0)
    want = np.linalg.svd(matrix.toarray() + u @ v.T, compute_uv=False)[:6]
    np.testing.assert_allclose(found.s, want, rtol=1e-9)
    integers = np.arange(60).reshape(6, 10)
    assert randomized_svd(integers, 2).s.dtype == np.float64


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(400, 300), (300, 30), (20, 300)])
def test_centring_is_implicit(method, shape):
    """PCA of a sparse matrix without filling it."""
    matrix = sparse.random_array(shape, density=0.2, rng=np.random.default_rng(3), format="csr")
    mean = matrix.toarray().mean(axis=0)
    found = randomized_svd(matrix, 5, method=method, tol=1e-7, center=mean, random_state=0)
    want = np.linalg.svd(matrix.toarray() - mean, compute_uv=False)[:5]
    np.testing.assert_allclose(found.s, want, rtol=1e-9)


def test_signs_and_seeds():
    """The same seed gives the same bits, another one the same vectors with their signs; U, s, Vt unpack."""
    a, _ = decaying(400, 300)
    first, again = (randomized_svd(a, 4, tol=1e-8, random_state=5) for _ in range(2))
    np.testing.assert_array_equal(first.U, again.U)
    u, s, vt = randomized_svd(a, 4, tol=1e-8, random_state=6)
    np.testing.assert_allclose(u, first.U, atol=1e-6)
    np.testing.assert_allclose((u * s) @ vt, (first.U * first.s) @ first.Vt, atol=1e-6)
    assert (vt[range(4), np.abs(vt).argmax(axis=1)] > 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_threads_do_not_change_bits(method):
    """Nothing that is learned may depend on the machine's cores."""
    matrix = sparse.random_array((3001, 1501), density=0.02, rng=np.random.default_rng(0), dtype=np.float32)
    answers = []
    for threads in (1, 2, 3, 5):
        ek.set_num_threads(threads)
        try:
            answers.append(randomized_svd(matrix, 9, method=method, tol=0.05, random_state=0))
        finally:
            ek.set_num_threads(None)
    for other in answers[1:]:
        for name in ("U", "s", "V", "residual_norms"):
            np.testing.assert_array_equal(getattr(other, name), getattr(answers[0], name))


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_halko_bounds(power):
    """Halko, Martinsson and Tropp, theorems 10.5 and 10.6: the mean error of the range finder over 50 seeds,
    in the Frobenius and the spectral norm, is below what they prove, and near it (not above by luck)."""
    a, s = decaying(260, 220, power=power)
    k, p = 8, 5
    tail = np.sqrt((s[k:] ** 2).sum())
    frobenius, spectral = [], []
    for seed in range(50):
        found = randomized_svd(
            a, k + p, method="subspace", oversampling=0, max_iter=0, tol=0.0, random_state=seed
        )
        error = a - (found.U * found.s) @ found.Vt
        frobenius.append(np.linalg.norm(error))
        spectral.append(np.linalg.norm(error, 2))
    bound = np.sqrt(1 + k / (p - 1)) * tail
    assert 0.5 * tail < np.mean(frobenius) <= bound
    assert (
        s[k + p] < np.mean(spectral) <= (1 + np.sqrt(k / (p - 1))) * s[k] + np.e * np.sqrt(k + p) / p * tail
    )


def test_power_iterations_approach_the_best():
    """Each iteration takes the error of a rank towards Eckart and Young's."""
    a, s = decaying(260, 220, power=0.5)
    errors = []
    for rounds in range(4):
        found = randomized_svd(a, 8, method="subspace", max_iter=rounds, tol=0.0, random_state=0)
        errors.append(np.linalg.norm(a - (found.U * found.s) @ found.Vt))
    best = np.sqrt((s[8:] ** 2).sum())
    assert errors[0] > errors[1] > errors[2] > errors[3] > best * (1 - 1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k: expected an integer >= 1, got 0"),
        ({"k": 4}, "k: expected an integer <= 3, got 4"),
        ({"method": "arpack"}, "method: expected one of 'krylov', 'subspace', got 'arpack'"),
        ({"tol": -1.0}, "tol: expected a finite number >= 0, got -1.0"),
        ({"oversampling": 0}, "oversampling: expected an integer >= 1, got 0"),
        ({"max_iter": -1}, "max_iter: expected an integer >= 0"),
        ({"center": np.zeros(4)}, r"center: expected a vector of length 3, got shape \(4,\)"),
        ({"center": np.full(3, np.nan)}, "center: expected finite numbers, got nan at position 0"),
        ({"A": np.ones(3)}, "A: expected two dimensions, got 1"),
        ({"A": np.array([[1.0, np.inf, 0.0]])}, r"A: expected finite numbers, got inf at position \(0, 1\)"),
        ({"A": sparse.csr_array(np.array([[1.0, np.nan]]))}, "A: expected finite numbers, got nan"),
    ],
)
def test_mistakes_are_named(changes, message):
    """The parameter, what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        randomized_svd(**({"A": np.eye(5)[:, :3], "k": 1} | changes))
