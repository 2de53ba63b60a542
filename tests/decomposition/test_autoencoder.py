"""The linear autoencoder against PCA and against gradients taken by hand."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from tests.decomposition.test_pca import angle, gaps

import eckart as ek
from eckart.base.errors import DivergenceError
from eckart.decomposition import PCA, LinearAutoencoder
from eckart.decomposition.autoencoder import _Training
from eckart.linalg.moments import Covariance


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shape", [(300, 12), (12, 60)])
def test_optimum_is_pca(shape, tied):
    """The course's theorem: the subspace to 1e-6, the risk to the last digits, and P the projection."""
    x = gaps(*shape, mean=2.0)
    model = LinearAutoencoder(4, tied=tied, tol=1e-10, random_state=0).fit(x)
    pca = PCA(4, svd_solver="full").fit(x)
    assert model.converged_
    assert angle(model.decoder_.T, pca.components_) < 1e-6
    assert angle(model.encoder_, pca.components_) < 1e-6
    projection = model.decoder_ @ model.encoder_
    np.testing.assert_allclose(projection, pca.components_.T @ pca.components_, atol=1e-6)
    tail = 0.5 * (x.var(axis=0, ddof=1).sum() - pca.explained_variance_.sum())
    assert model.history_[-1]["objective"] == pytest.approx(tail, rel=1e-9)
    np.testing.assert_allclose(
        model.inverse_transform(model.transform(x)), pca.inverse_transform(pca.transform(x)), atol=1e-5
    )
    if tied:
        np.testing.assert_allclose(model.encoder_, model.decoder_.T, atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_every_start_finds_the_same_risk(seed):
    """All stationary points but the best are saddles."""
    x = gaps(100, 9, seed=7)
    best = 0.5 * PCA(svd_solver="full").fit(x).explained_variance_[3:].sum()
    model = LinearAutoencoder(3, random_state=seed).fit(x)
    assert model.history_[-1]["objective"] == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("tied", [False, True])
def test_gradients(tied):
    """Against finite differences of the risk of the samples themselves."""
    rng = np.random.default_rng(0)
    x = gaps(50, 6)
    training = _Training(Covariance(x), 2, tied, rng)
    training.encoder = rng.standard_normal((6, 2))
    training.decoder = training.encoder if tied else rng.standard_normal((6, 2))
    gradients, risk = training.gradients()
    rest = x - x.mean(axis=0)

    def of(w, v):
        return 0.5 * ((rest - rest @ w @ v.T) ** 2).sum() / (len(x) - 1) / training.largest

    assert risk == pytest.approx(of(training.encoder, training.decoder), rel=1e-10)
    for which in range(2):
        for place in np.ndindex(6, 2):
            step = np.zeros((6, 2))
            step[place] = 1e-6
            for_w, for_v = step * (tied or which == 0), step * (tied or which == 1)
            slope = of(training.encoder + for_w, training.decoder + for_v)
            slope = (slope - of(training.encoder - for_w, training.decoder - for_v)) / 2e-6
            assert gradients[which][place] == pytest.approx(slope, abs=1e-6)


def test_affine_maps_degenerate_to_linear_ones():
    """Trained with biases on samples away from zero, P is the same and the bias only restores the mean."""
    x = gaps(200, 6, mean=1.5)
    model = LinearAutoencoder(2, tol=1e-10, random_state=0).fit(x)
    rng = np.random.default_rng(1)
    w, v = 0.3 * rng.standard_normal((2, 6)), 0.3 * rng.standard_normal((6, 2))
    inner, outer = np.zeros(2), np.zeros(6)
    for _ in range(20_000):
        codes = x @ w.T + inner
        off = (codes @ v.T + outer - x) / len(x)
        back = off @ v
        w, inner = w - 0.05 * back.T @ x, inner - 0.05 * back.sum(axis=0)
        v, outer = v - 0.05 * off.T @ codes, outer - 0.05 * off.sum(axis=0)
    P = model.decoder_ @ model.encoder_
    np.testing.assert_allclose(v @ w, P, atol=1e-4)
    np.testing.assert_allclose(v @ inner + outer, x.mean(axis=0) - P @ x.mean(axis=0), atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_and_single_precision(dtype):
    """Sparse samples are centred implicitly; the answer keeps the precision of the data."""
    x = sparse.random_array((60, 90), density=0.2, rng=np.random.default_rng(0), dtype=np.float64).toarray()
    x[:, :2] *= 6
    dense = LinearAutoencoder(2, random_state=0, tol=1e-6).fit(x.astype(dtype))
    thin = LinearAutoencoder(2, random_state=0, tol=1e-6).fit(sparse.csr_array(x.astype(dtype)))
    assert dense.encoder_.dtype == thin.decoder_.dtype == thin.transform(x.astype(dtype)).dtype == dtype
    assert angle(dense.decoder_.T, PCA(2, svd_solver="full").fit(x).components_) < 1e-3
    np.testing.assert_allclose(thin.decoder_ @ thin.encoder_, dense.decoder_ @ dense.encoder_, atol=1e-3)
    np.testing.assert_allclose(
        thin.transform(sparse.csr_array(x.astype(dtype))), thin.transform(x.astype(dtype)), atol=1e-4
    )


def test_momentum_saves_iterations():
    """What it is there for, at the same step."""
    x = gaps(100, 9)
    plain = LinearAutoencoder(3, momentum=0.0, random_state=0).fit(x)
    heavy = LinearAutoencoder(3, momentum=0.9, random_state=0).fit(x)
    assert heavy.n_iter_ < 0.7 * plain.n_iter_


def test_divergence_is_said():
    """And the model that was there stays."""
    x = gaps()
    model = LinearAutoencoder(2, random_state=0).fit(x)
    before = model.transform(x)
    model.set_params(learning_rate=1e3)
    with np.errstate(all="ignore"), pytest.raises(DivergenceError, match="smaller learning_rate or momentum"):
        model.fit(x)
    assert np.array_equal(model.transform(x), before)


def test_files_and_pickles(tmp_path):
    """A model comes back as it was, its history too."""
    x = gaps()
    model = LinearAutoencoder(3, random_state=0).fit(x)
    ek.save(model, tmp_path / "autoencoder.safetensors")
    for twin in (ek.load(tmp_path / "autoencoder.safetensors"), pickle.loads(pickle.dumps(model))):
        assert twin.get_params() == model.get_params()
        assert np.array_equal(twin.transform(x), model.transform(x))
        assert twin.history_ == model.history_
    assert list(model.get_feature_names_out()) == [
        "linearautoencoder0",
        "linearautoencoder1",
        "linearautoencoder2",
    ]


def test_threads_change_no_bit():
    """From the covariance to the last step."""
    found = []
    for threads in (1, 2, 3, 5):
        ek.set_num_threads(threads)
        found.append(LinearAutoencoder(3, max_iter=50, random_state=0).fit_transform(gaps(3000, 30)))
    ek.set_num_threads(None)
    assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 13}, "n_components: expected an integer <= 12"),
        ({"tied": "yes"}, "tied: expected True or False"),
        ({"learning_rate": 0}, "learning_rate: expected a finite number > 0"),
        ({"learning_rate": "fast"}, "learning_rate: expected a finite number > 0"),
        ({"momentum": 1.0}, r"momentum: expected a number in \[0, 1\)"),
        ({"max_iter": 0}, "max_iter: expected an integer >= 1"),
        ({"tol": np.nan}, "tol: expected a finite number >= 0"),
    ],
)
def test_bad_parameters(params, message):
    """Each is named, with what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        LinearAutoencoder(**params).fit(gaps())
