"""PCA against scikit-learn and closed forms, in all of its ways."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA as Reference

import eckart as ek
from eckart.decomposition import PCA

DIGITS = load_digits().data
SOLVERS = ("covariance", "full", "randomized", "power", "gd")


def angle(a, b):
    """Sine of the largest angle between the spans of the rows."""
    a, b = (np.linalg.qr(np.asarray(m, dtype=np.float64).T)[0] for m in (a, b))
    return np.linalg.norm(a - b @ (b.T @ a), 2)


def gaps(n=200, d=12, seed=0, mean=0.0):
    """Samples whose variances fall by a quarter from one to the next."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return rng.standard_normal((n, d)) * 0.75 ** (np.arange(d) / 2) @ axes + mean


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", ["tall", "wide"])
def test_every_solver_equals_scikit_learn(solver, shape, dtype):
    """They differ in work, not in what they find; signs included."""
    x = gaps(200, 40) if shape == "tall" else gaps(40, 60)
    want = Reference(5, svd_solver="full").fit(x)
    tol, close = (1e-10, 1e-7) if dtype == np.float64 else (1e-6, 2e-3)
    model = PCA(5, svd_solver=solver, tol=tol, random_state=0).fit(x.astype(dtype))
    assert model.converged_
    np.testing.assert_allclose(model.components_, want.components_, atol=close)
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_", "mean_"):
        found = getattr(model, name)
        assert found.dtype == dtype
        np.testing.assert_allclose(
            found, getattr(want, name), rtol=10 * close, atol=1e-6 if dtype == np.float32 else 1e-14
        )
    assert model.noise_variance_ == pytest.approx(
        want.noise_variance_, rel=1e-4 if dtype == np.float32 else 1e-9
    )
    np.testing.assert_allclose(model.transform(x.astype(dtype)), want.transform(x), atol=10 * close)


@pytest.mark.parametrize("whiten", [False, True])
def test_scores_and_back(whiten):
    """Whitened scores have unit variance; all components together lose nothing."""
    x = gaps(mean=3.0)
    model, want = PCA(whiten=whiten).fit(x), Reference(whiten=whiten, svd_solver="full").fit(x)
    scores = model.transform(x)
    np.testing.assert_allclose(scores, want.transform(x), atol=1e-10)
    np.testing.assert_allclose(model.fit_transform(x), scores, atol=1e-12)
    np.testing.assert_allclose(model.inverse_transform(scores), x, atol=1e-10)
    if whiten:
        np.testing.assert_allclose(scores.var(axis=0, ddof=1), 1, rtol=1e-10)


def test_published_digits():
    """The share of ten components and the error of rank ten that the course quotes."""
    model = PCA(10).fit(DIGITS)
    assert model.explained_variance_ratio_.sum() == pytest.approx(0.7382267688, abs=1e-10)


@pytest.mark.parametrize("solver", ["covariance", "full"])
@pytest.mark.parametrize("n_components", [0.3, 0.9, 0.999, 1.0, "mle", None, 64])
def test_number_of_components(solver, n_components):
    """A share, Minka's evidence, all of them: as scikit-learn counts (which refuses a share of 1)."""
    noisy = DIGITS + np.random.default_rng(0).normal(size=DIGITS.shape)
    model = PCA(n_components, svd_solver=solver).fit(noisy)
    want = 64 if n_components == 1.0 else Reference(n_components, svd_solver="full").fit(noisy).n_components_
    assert model.n_components_ == len(model.components_) == want


def test_mean_a_million_deviations_away():
    """float64 keeps all digits that the data have: the variances are those of the centred samples."""
    centred = gaps(3000, 20)
    centred = np.round(centred * 2**20) / 2**20  # so that adding the mean rounds nothing away
    want = Reference(svd_solver="full").fit(centred)
    for solver in ("covariance", "full"):
        model = PCA(svd_solver=solver).fit(centred + 2.0**20)
        np.testing.assert_allclose(model.explained_variance_, want.explained_variance_, rtol=1e-11)
        np.testing.assert_allclose(model.components_, want.components_, atol=1e-10)
        np.testing.assert_allclose(model.transform(centred + 2.0**20), want.transform(centred), atol=1e-8)


@pytest.mark.parametrize("whiten", [False, True])
def test_likelihood(whiten):
    """Under the Gaussian of Tipping and Bishop: SciPy's density, scikit-learn's score, and their matrices.
    Whitening scales scores, not the model (scikit-learn's covariance changes with it)."""
    x = gaps()
    for k in (1, 4, 11, 12):
        model, want = PCA(k, whiten=whiten).fit(x), Reference(k, svd_solver="full").fit(x)
        density = stats.multivariate_normal(model.mean_, model.get_covariance()).logpdf(x)
        np.testing.assert_allclose(model.score_samples(x), density, rtol=1e-9)
        assert model.score(x) == pytest.approx(want.score(x), rel=1e-10)
        np.testing.assert_allclose(model.get_covariance(), want.get_covariance(), atol=1e-12)
        np.testing.assert_allclose(model.get_precision(), want.get_precision(), rtol=1e-7, atol=1e-9)


def test_singular_covariance_is_said():
    """Fewer samples than features and all components: no noise is left, and no finite likelihood."""
    model = PCA().fit(gaps(5, 12))
    for ask in (lambda: model.score(gaps(5, 12)), model.get_precision):
        with pytest.raises(ValueError, match="the covariance is singular"):
            ask()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stream_equals_batch(dtype):
    """partial_fit is exact: the batches leave no trace, not even one of a single sample."""
    x = gaps(300, 10, mean=1e3 if dtype == np.float64 else 1.0).astype(dtype)
    model = PCA(4)
    for part in np.split(x, [1, 2, 7, 150]):
        model.partial_fit(part)
    want = PCA(4, svd_solver="covariance").fit(x)
    assert model.n_samples_ == 300
    close = 1e-10 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(model.components_, want.components_, atol=close)
    np.testing.assert_allclose(model.explained_variance_, want.explained_variance_, rtol=close)
    np.testing.assert_allclose(model.transform(x), want.transform(x), atol=10 * close)
    assert not hasattr(model.fit(x), "scatter_")  # begins anew


@pytest.mark.parametrize("solver", ["covariance", "randomized", "power", "gd", "auto"])
@pytest.mark.parametrize("shape", [(400, 30), (30, 400)])
def test_sparse_equals_dense(solver, shape):
    """Centred implicitly: nothing is filled in, and the answer is that of the dense matrix."""
    x = sparse.random_array(shape, density=0.2, rng=np.random.default_rng(0), format="csr", dtype=np.float64)
    x[:, :3] *= 5
    want = Reference(2, svd_solver="full").fit(x.toarray())
    model = PCA(2, svd_solver=solver, tol=1e-9, random_state=0).fit(x)
    np.testing.assert_allclose(model.components_, want.components_, atol=1e-6)
    np.testing.assert_allclose(model.explained_variance_ratio_, want.explained_variance_ratio_, rtol=1e-8)
    np.testing.assert_allclose(model.transform(x), want.transform(x.toarray()), atol=1e-6)
    assert model.score(x) == pytest.approx(want.score(x.toarray()), rel=1e-6)


def test_nothing_missing_is_pca():
    """EM ends where the eigenvectors are (one missing value among many changes hardly anything)."""
    x = gaps(400, 8)
    holed = x.copy()
    holed[0, 0] = np.nan
    model, want = PCA(3, tol=1e-9, max_iter=5000).fit(holed), PCA(3).fit(x)
    assert angle(model.components_, want.components_) < 0.02
    np.testing.assert_allclose(model.explained_variance_, want.explained_variance_, rtol=0.02)
    assert model.noise_variance_ == pytest.approx(want.noise_variance_, rel=0.02)
    assert model.score(x) == pytest.approx(want.score(x), abs=0.01)


def test_missing_values():
    """Of low-rank data with gaps, the subspace is found, gaps are filled far better than by means, and the
    likelihood of what was observed is that of SciPy's marginal density."""
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((500, 2)) @ rng.standard_normal((2, 9)) + 4
    holed = truth + 0.05 * rng.standard_normal(truth.shape)
    missing = rng.random(truth.shape) < 0.3
    missing[0] = True  # nothing is known of one sample
    holed[missing] = np.nan
    model = PCA(2).fit(holed)
    assert model.converged_
    assert angle(model.components_, np.linalg.svd(truth - truth.mean(axis=0))[2][:2]) < 0.01
    assert model.noise_variance_ == pytest.approx(0.05**2, rel=0.1)
    filled = model.inverse_transform(model.transform(holed))
    np.testing.assert_allclose(model.transform(holed[:1]), 0, atol=1e-12)  # the mean is expected
    error = np.sqrt(np.mean((filled - truth)[1:][missing[1:]] ** 2))
    naive = np.sqrt(np.mean((np.nanmean(holed, axis=0) - truth)[1:][missing[1:]] ** 2))
    assert error < 0.15 * naive
    for row in holed[1:20]:
        seen = ~np.isnan(row)
        if seen.any():
            marginal = stats.multivariate_normal(
                model.mean_[seen], model.get_covariance()[np.ix_(seen, seen)]
            )
            assert model.score_samples(row[None])[0] == pytest.approx(marginal.logpdf(row[seen]), rel=1e-7)


def test_files_and_pickles(tmp_path):
    """A model comes back as it was, and a stream goes on from its file."""
    x = gaps()
    model = PCA(3, whiten=True).partial_fit(x[:100])
    ek.save(model, tmp_path / "pca.safetensors")
    for twin in (ek.load(tmp_path / "pca.safetensors"), pickle.loads(pickle.dumps(model))):
        assert twin.get_params() == model.get_params()
        assert np.array_equal(twin.transform(x), model.transform(x))
        assert twin.score(x) == model.score(x)
    twin = ek.load(tmp_path / "pca.safetensors").partial_fit(x[100:])
    np.testing.assert_allclose(twin.components_, model.partial_fit(x[100:]).components_, atol=1e-12)


def test_threads_change_no_bit():
    """Every solver, scores and gaps too."""
    x = gaps(3000, 30).astype(np.float32)
    holed = x.copy()
    holed[::7, 3] = np.nan
    for solver in (*SOLVERS, "missing"):
        found = []
        for threads in (1, 2, 3, 5):
            ek.set_num_threads(threads)
            model = PCA(3, svd_solver="auto" if solver == "missing" else solver, max_iter=20, random_state=0)
            found.append(model.fit_transform(holed if solver == "missing" else x))
        ek.set_num_threads(None)
        for other in found[1:]:
            assert np.array_equal(found[0], other)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 13}, "n_components: expected an integer <= 12"),
        ({"n_components": 0}, "n_components: expected an integer >= 1"),
        ({"n_components": 1.5}, "n_components: expected a finite number"),
        ({"n_components": "all"}, "n_components: expected a number, 'mle' or None"),
        (
            {"n_components": 0.5, "svd_solver": "power"},
            "n_components: expected an integer with svd_solver='power'",
        ),
        ({"svd_solver": "arpack"}, "svd_solver: expected one of"),
        ({"whiten": 1}, "whiten: expected True or False"),
        ({"tol": -1}, "tol: expected a finite number >= 0"),
        ({"max_iter": 0}, "max_iter: expected an integer >= 1"),
    ],
)
def test_bad_parameters(params, message):
    """Each is named, with what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        PCA(**params).fit(gaps())


def test_bad_data():
    """Infinite values, features never observed, one sample, sparse samples for a dense solver."""
    x = gaps()
    x[3, 1] = np.inf
    for solver in SOLVERS:
        with pytest.raises(ValueError, match="X: expected finite numbers"):
            PCA(2, svd_solver=solver).fit(x)
    x[3, 1] = 0
    with pytest.raises(ValueError, match="X: expected finite numbers"):
        PCA(2).fit(x).transform(np.full((2, 12), -np.inf))
    x[:, 4] = np.nan
    with pytest.raises(ValueError, match="none in feature 4"):
        PCA(2).fit(x)
    with pytest.raises(ValueError, match="n_components: expected an integer with missing values"):
        PCA(0.5).fit(x)
    with pytest.raises(ValueError, match="1 sample"):
        PCA().fit(gaps(1))
    with pytest.raises(ValueError, match="'full' needs dense samples"):
        PCA(svd_solver="full").fit(sparse.csr_array(gaps()))
    with pytest.raises(ValueError, match=r"X: expected the shape \(n_samples, 2\)"):
        PCA(2).fit(gaps()).inverse_transform(np.ones((3, 4)))
    with pytest.raises(ValueError, match="'mle' needs at least as many samples"):
        PCA("mle").fit(gaps(5, 12))


def test_constant_samples():
    """No variance, no error: shares of nothing are zero."""
    for solver in SOLVERS:
        model = PCA(2, svd_solver=solver, random_state=0).fit(np.full((30, 4), 7.0))
        assert np.array_equal(model.explained_variance_ratio_, [0, 0])
        assert np.isfinite(model.transform(np.full((2, 4), 7.0))).all()


def test_importing_is_cheap():
    """`eckart recommend` must not pay for scikit-learn or SciPy."""
    code = "import eckart.decomposition.pca, sys; print(bool({'sklearn', 'scipy.linalg'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split()[-1] == "False"
