"""TruncatedSVD beside scikit-learn's, and its way through files."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import TruncatedSVD as Peer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import eckart
from eckart.base.errors import EckartError
from eckart.decomposition import TruncatedSVD
from eckart.linalg import SparseMatrix

LEARNED = ("components_", "singular_values_", "explained_variance_", "explained_variance_ratio_")


def matrix(dtype=np.float64):
    rng = np.random.default_rng(0)
    return sparse.random_array((240, 90), density=0.2, rng=rng, format="csr", dtype=dtype)


@pytest.mark.parametrize("algorithm", ["krylov", "randomized"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_scikit_learn(algorithm, dtype):
    """Components with their signs, variances and scores are those of an exact solver, dense and sparse."""
    x = matrix(dtype)
    peer = Peer(4, algorithm="arpack", random_state=0).fit(x.astype(np.float64))
    tol = 1e-5 if dtype == np.float32 else 1e-9
    for data in (x, x.tocsc(), SparseMatrix.from_scipy(x), x.toarray(), np.asfortranarray(x.toarray())):
        model = TruncatedSVD(4, algorithm=algorithm, n_iter=500, tol=tol, random_state=0)
        scores = model.fit_transform(data)
        assert model.converged_
        for name in LEARNED:
            found = getattr(model, name)
            assert found.dtype == dtype
            np.testing.assert_allclose(found, getattr(peer, name), rtol=2e-4, atol=2e-4)
        assert scores.dtype == dtype
        np.testing.assert_allclose(scores, peer.transform(x), atol=2e-4)
        np.testing.assert_allclose(model.transform(data), scores, atol=2e-4)
        back = model.inverse_transform(scores)
        np.testing.assert_allclose(back, peer.inverse_transform(peer.transform(x)), atol=5e-4)
    assert (model.n_features_in_, model._n_features_out) == (90, 4)


def test_residuals_bound_the_singular_values():
    """An error estimate that is below the error would be worse than none."""
    x = matrix().toarray()
    model = TruncatedSVD(5, algorithm="randomized", n_iter=0, random_state=0).fit(x)
    exact = np.linalg.svd(x, compute_uv=False)
    distance = np.abs(model.singular_values_[:, None] - exact).min(axis=1)
    assert (distance <= model.residual_norms_ + 1e-12).all()
    assert not model.converged_


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_names_and_containers():
    """Column names are remembered and checked, and tables come out where they are asked for."""
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(matrix().toarray()[:, :6], columns=list("abcdef"), index=range(5, 245))
    model = TruncatedSVD(2, random_state=0).set_output(transform="pandas")
    scores = model.fit_transform(table)
    assert list(scores.columns) == ["truncatedsvd0", "truncatedsvd1"]
    assert (scores.index == table.index).all()
    assert list(model.feature_names_in_) == list("abcdef")
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(table[list("bacdef")])
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        model.get_feature_names_out(list("uvwxyz"))
    assert isinstance(model.set_output(transform="default").transform(table), np.ndarray)
    model.fit(table.to_numpy())
    assert not hasattr(model, "feature_names_in_")
    chain = make_pipeline(StandardScaler(), TruncatedSVD(2, random_state=0))
    assert chain.set_output(transform="pandas").fit_transform(table).shape == (240, 2)


def test_files_and_pickles(tmp_path):
    """A loaded model is the saved one, bit for bit."""
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(matrix().toarray()[:, :6], columns=list("abcdef"))
    model = TruncatedSVD(np.int64(3), tol=1e-6, random_state=7).fit(table)
    eckart.save(model, tmp_path / "svd.safetensors")
    for other in (eckart.load(tmp_path / "svd.safetensors"), pickle.loads(pickle.dumps(model))):
        assert other.get_params() == model.get_params()
        for name in (*LEARNED, "residual_norms_"):
            np.testing.assert_array_equal(getattr(other, name), getattr(model, name))
        assert (other.n_iter_, other.converged_) == (model.n_iter_, True)
        np.testing.assert_array_equal(other.feature_names_in_, model.feature_names_in_)
        np.testing.assert_array_equal(other.transform(table), model.transform(table))


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.meta.update(n_features_in=5),
        lambda state: state.meta["params"].update(rank=3),
        lambda state: state.meta["numbers"].update(components_=1),
        lambda state: state.meta.update(feature_names_in=["a"]),
        lambda state: state.arrays.update(singular_values_=np.ones(2)),
        lambda state: state.arrays.update(components_=np.full((3, 90), np.nan)),
    ],
)
def test_damaged_files_are_refused(damage):
    """Lengths that do not fit would be read past their end later."""
    state = TruncatedSVD(3, random_state=0).fit(matrix())._get_state(True)
    TruncatedSVD._from_state(state)
    damage(state)
    with pytest.raises(EckartError, match="damaged file"):
        TruncatedSVD._from_state(state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_components": 0}, "n_components: expected an integer >= 1"),
        ({"n_components": 91}, "n_components: expected an integer <= n_features = 90, got 91"),
        ({"algorithm": "arpack"}, "algorithm: expected one of 'krylov', 'randomized'"),
        ({"algorithm": "randomized", "n_iter": -1}, "n_iter: expected an integer >= 0"),
        ({"tol": np.nan}, "tol: expected a finite number >= 0"),
        ({"random_state": "x"}, "random_state: expected None"),
    ],
)
def test_mistakes_are_named(changes, message):
    """The parameter, what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        TruncatedSVD(**changes).fit(matrix())
    with pytest.raises(ValueError, match=r"X: expected the shape \(n_samples, 2\), got \(3, 4\)"):
        TruncatedSVD(random_state=0).fit(matrix()).inverse_transform(np.ones((3, 4)))


def test_fewer_samples_than_components():
    """As many components as there can be."""
    model = TruncatedSVD(5, random_state=0).fit(np.random.default_rng(0).normal(size=(3, 8)))
    assert model.components_.shape == (3, 8)
    assert model.transform(np.ones((1, 8))).shape == (1, 3)


def test_scikit_learn_is_not_imported():
    """Nor SciPy, for arrays that are as they should be: each costs more than the work."""
    code = (
        "import sys, numpy as np, eckart as ek;"
        "m = ek.decomposition.TruncatedSVD(2).fit(np.eye(40, 30)); m.transform(np.eye(4, 30));"
        "print([name for name in ('sklearn', 'scipy', 'pandas') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "[]"
