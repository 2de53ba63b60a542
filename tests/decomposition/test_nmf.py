"""NMF against scikit-learn's, brute force and its own promises."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import nnls
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF as Reference
from sklearn.exceptions import ConvergenceWarning

import eckart as ek
from eckart.base.errors import EckartError
from eckart.decomposition import NMF, _nmf_loop
from eckart.decomposition._nmf_halves import Sweeps

LOSSES = ("frobenius", "kullback-leibler")
MONOTONE = [("frobenius", "hals"), ("frobenius", "mu"), ("kullback-leibler", "mu")]


def parts(n=60, d=40, k=4, seed=0, noise=0.1, density=0.6, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = rng.random((n, k)) @ (rng.random((k, d)) * (rng.random((k, d)) < 0.5)) + noise * rng.random((n, d))
    return (x * (rng.random((n, d)) < density)).astype(dtype)


def start_of(x, k, seed=1):
    rng = np.random.default_rng(seed)
    return rng.random((x.shape[0], k)).astype(x.dtype), rng.random((k, x.shape[1])).astype(x.dtype)


def objectives(model):
    return np.array([record["objective"] for record in model.history_])


@pytest.fixture
def one_sweep(monkeypatch):
    monkeypatch.setattr(_nmf_loop, "INNER", Sweeps(1, 0.0))


@pytest.mark.parametrize(("loss", "solver"), MONOTONE)
@pytest.mark.parametrize("penalty", [0.0, 0.01])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_iterates_are_those_of_scikit_learn(loss, solver, penalty, form, one_sweep):
    """Same start, same number of iterations, same H: losses, penalties and the order of updates agree."""
    x = parts()
    w, h = start_of(x, 4)
    options = {
        "init": "custom", "beta_loss": loss, "max_iter": 7, "tol": 0,
        "alpha_W": penalty, "l1_ratio": 0.3,
    }  # fmt: skip
    ours = NMF(4, solver=solver, **options).fit(form(x), W=w, H=h)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = Reference(4, solver={"hals": "cd"}.get(solver, solver), **options)
        theirs.fit_transform(form(x), W=w.copy(), H=h.copy())
    np.testing.assert_allclose(ours.components_, theirs.components_, rtol=1e-9, atol=1e-11)
    assert ours.n_iter_ == 7


@pytest.mark.parametrize("loss", LOSSES)
def test_the_objective_is_what_its_formula_says(loss):
    """Loss and penalties of the final factors, by hand."""
    x = parts()
    model = NMF(3, beta_loss=loss, alpha_W=0.003, alpha_H=0.007, l1_ratio=0.4, random_state=0, max_iter=30)
    w = model.fit_transform(x)
    h = model.components_
    product = w @ h
    if loss == "frobenius":
        value = ((x - product) ** 2).sum() / 2
    else:
        seen = x > 0
        value = (x[seen] * np.log(x[seen] / product[seen])).sum() - x.sum() + product.sum()
    assert model.reconstruction_err_ == pytest.approx(np.sqrt(2 * value), rel=1e-9)
    for factor, alpha, size in ((w, 0.003, x.shape[1]), (h, 0.007, x.shape[0])):
        value += alpha * size * (0.4 * factor.sum() + 0.6 * (factor**2).sum() / 2)
    assert objectives(model)[-1] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("loss", "solver"), MONOTONE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("penalty", [0.0, 0.01])
def test_the_objective_never_rises(loss, solver, dtype, masked, penalty):
    """What theory promises of these updates, on random problems."""
    x = parts(density=0.8, dtype=dtype)
    mask = np.random.default_rng(2).random(x.shape) if masked else None
    model = NMF(
        5, solver=solver, beta_loss=loss, init="random", random_state=3, max_iter=60, tol=0, alpha_W=penalty,
        l1_ratio=0.5,
    ).fit(x, mask=mask)  # fmt: skip
    values = objectives(model)
    assert len(values) == model.n_iter_ + 1 == 61
    assert (np.diff(values) <= (1e-6 if dtype == np.float32 else 1e-12) * values[:-1]).all()
    assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize(("init", "seed", "published"), [("nndsvda", 0, 857.6665), ("random", 0, 853.3581)])
def test_digits_reach_the_published_error(init, seed, published):
    """Rank 10 of the digits at tol 1e-4: scikit-learn's coordinate descent, within a thousandth or better."""
    model = NMF(10, init=init, random_state=seed, max_iter=1000).fit(load_digits().data)
    assert model.converged_
    assert model.reconstruction_err_ <= published * 1.001


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("form", ["mask", "nan", "sparse"])
def test_missing_entries_do_not_count(loss, form):
    """Whatever stands in a missing cell: the fit is the same, and it finds the hidden entries of rank 2."""
    truth = parts(80, 50, 2, noise=0, density=1.0) + 0.01
    cells = np.random.default_rng(5).random(truth.shape) < 0.5
    model = NMF(3, init="random", beta_loss=loss, random_state=0, max_iter=2000, tol=1e-7)
    if form == "nan":
        found = model.fit(np.where(cells, truth, np.nan))
    elif form == "mask":
        found = model.fit(np.where(cells, truth, 7.0), mask=cells)
    else:
        found = model.fit(sparse.csr_array(np.where(cells, truth, 0)), mask=sparse.csr_array(cells))
    w = found.transform(np.where(cells, truth, np.nan))
    error = (w @ found.components_ - truth)[~cells]
    assert np.sqrt((error**2).mean()) < 0.05 * truth.std()


@pytest.mark.parametrize(("loss", "solver"), MONOTONE)
def test_weights_are_repetitions(loss, solver):
    """A row of weight 2 is the row twice; weights of one are no weights."""
    x = parts(20, 15, 3)
    w, h = start_of(x, 3)
    options = {"solver": solver, "beta_loss": loss, "init": "custom", "max_iter": 5, "tol": 0}
    weights = np.ones_like(x)
    weights[4] = 2
    weighted = NMF(3, **options).fit(x, W=w, H=h, mask=weights)
    twice = np.vstack([x, x[4:5]])
    repeated = NMF(3, **options).fit(twice, W=np.vstack([w, w[4:5]]), H=h)
    np.testing.assert_allclose(weighted.components_, repeated.components_, rtol=1e-8, atol=1e-10)
    assert objectives(weighted)[0] == pytest.approx(objectives(repeated)[0], rel=1e-10)
    plain = NMF(3, **options).fit(x, W=w, H=h)
    ones = NMF(3, **options).fit(x, W=w, H=h, mask=np.ones_like(x))
    np.testing.assert_allclose(ones.components_, plain.components_, rtol=1e-8, atol=1e-10)


def test_a_sparse_mask_may_call_absent_entries_zeros():
    """Only the mask says what is observed: an absent entry of X within it is a zero that counts."""
    x = parts(20, 15, 3)
    cells = np.random.default_rng(1).random(x.shape) < 0.7
    w, h = start_of(x, 3)
    options = {"init": "custom", "max_iter": 5, "tol": 0}
    dense = NMF(3, **options).fit(x, W=w, H=h, mask=cells)
    for mask in (cells, sparse.csr_matrix(cells)):
        thin = NMF(3, **options).fit(sparse.csr_matrix(x), W=w, H=h, mask=mask)
        np.testing.assert_allclose(thin.components_, dense.components_, rtol=1e-10)


def test_transform_solves_each_row():
    """The rows are the non-negative least squares solutions, so those of training too."""
    x = parts()
    model = NMF(4, random_state=0)
    w = model.fit_transform(x)
    for row, solved in zip(x, w, strict=True):
        np.testing.assert_allclose(solved, nnls(model.components_.T, row)[0], atol=1e-4)
    assert np.array_equal(model.transform(x), w)
    np.testing.assert_allclose(model.transform(x[7:9]), w[7:9], rtol=1e-12)
    np.testing.assert_allclose(model.inverse_transform(w), w @ model.components_, rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_threads_and_forms_change_nothing(loss, form):
    """Bit for bit under 1, 2, 3 and 5 threads."""
    x = parts(700, 300, 5, dtype=np.float32)
    found = []
    try:
        for threads in (1, 2, 3, 5):
            ek.set_num_threads(threads)
            found.append(NMF(5, beta_loss=loss, random_state=0, max_iter=5).fit(form(x)).components_)
    finally:
        ek.set_num_threads(None)
    assert found[0].dtype == np.float32
    assert all(np.array_equal(h, found[0]) for h in found)


def test_sparse_starts_and_fits_as_dense_does():
    """The same factorisation, without a dense copy."""
    x = parts(200, 90, 5)
    dense = NMF(5, random_state=0, max_iter=20).fit(x)
    thin = NMF(5, random_state=0, max_iter=20).fit(sparse.csr_array(x))
    assert thin.reconstruction_err_ == pytest.approx(dense.reconstruction_err_, rel=1e-3)


@pytest.mark.parametrize("init", ["random", "nndsvd", "nndsvda", "nndsvdar"])
def test_starts_are_not_negative_and_worth_something(init):
    """The first objective as a share of that of zeros: singular vectors explain data, chance does not."""
    x = parts(density=1.0)
    model = NMF(4, init=init, random_state=0, max_iter=1).fit(x)
    error = objectives(model)[0] / (0.5 * (x**2).sum())
    assert error < (1.2 if init == "random" else 0.7)


def test_projected_least_squares_fits():
    """The simplest solver, which may rise: it still explains most of the data."""
    x = parts()
    model = NMF(4, solver="pals", random_state=0).fit(x)
    exact = NMF(4, random_state=0).fit(x)
    assert exact.reconstruction_err_ <= model.reconstruction_err_ < 2 * exact.reconstruction_err_


@pytest.mark.parametrize("loss", LOSSES)
def test_files_and_pickles_keep_the_model(loss, tmp_path):
    """What is loaded answers as what was saved."""
    x = parts()
    model = NMF(3, beta_loss=loss, alpha_H=0.1, random_state=0, max_iter=20).fit(x)
    ek.save(model, tmp_path / "model.safetensors")
    for copy in (ek.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(copy.transform(x), model.transform(x))
        assert copy.get_params() == model.get_params()
        assert (copy.n_iter_, copy.reconstruction_err_) == (model.n_iter_, model.reconstruction_err_)
        assert copy.history_ == model.history_
        assert copy.n_components_ == 3


def test_a_file_with_negative_components_is_refused(tmp_path):
    """No fit gives them, and transform would not end well."""
    model = NMF(3, random_state=0, max_iter=5).fit(parts())
    model.components_ = -model.components_
    ek.save(model, tmp_path / "model.safetensors")
    with pytest.raises(EckartError, match="without negative entries"):
        ek.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "n_components: expected an integer >= 1"),
        ({"init": "best"}, "init: expected one of"),
        ({"solver": "newton"}, "solver: expected one of"),
        ({"beta_loss": "itakura-saito"}, "beta_loss: expected one of"),
        ({"tol": -1.0}, "tol: expected a finite number >= 0"),
        ({"max_iter": 0}, "max_iter: expected an integer >= 1"),
        ({"alpha_W": -1.0}, "alpha_W: expected"),
        ({"alpha_H": "other"}, "alpha_H: expected"),
        ({"l1_ratio": 1.5}, "l1_ratio: expected"),
        ({"init": "custom"}, "W, H: expected both"),
        ({"n_components": 50, "init": "nndsvd"}, "n_components <= min"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    """With the name, what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        NMF(**{"n_components": 2, **params}).fit(parts())


def test_bad_data_are_refused():
    """Negative and infinite entries, masks and starts that do not fit."""
    x = parts()
    w, h = start_of(x, 3)
    with pytest.raises(ValueError, match="Negative values in data passed to NMF"):
        NMF(2).fit(-x)
    with pytest.raises(ValueError, match="infinity"):
        NMF(2).fit(np.where(x == x.max(), np.inf, x))
    with pytest.raises(ValueError, match="mask: expected the shape of X"):
        NMF(2).fit(x, mask=np.ones(3))
    with pytest.raises(ValueError, match="mask: expected weights >= 0"):
        NMF(2).fit(x, mask=-np.ones_like(x))
    with pytest.raises(ValueError, match="mask: expected booleans or weights"):
        NMF(2).fit(x, mask=np.full(x.shape, "a"))
    with pytest.raises(ValueError, match="without missing entries"):
        NMF(2, init="nndsvd").fit(x, mask=x > 0.1)
    with pytest.raises(ValueError, match="takes no missing entries"):
        NMF(2, solver="pals").fit(x, mask=x > 0.1)
    with pytest.raises(ValueError, match="only with init='custom'"):
        NMF(3).fit(x, W=w, H=h)
    with pytest.raises(ValueError, match="H: expected"):
        NMF(3, init="custom").fit(x, W=w, H=h[:, :5])
    with pytest.raises(ValueError, match="n_components: expected 3"):
        NMF(2, init="custom").fit(x, W=w, H=h)
    with pytest.raises(ValueError, match="X: expected the shape"):
        NMF(2, random_state=0, max_iter=3).fit(x).inverse_transform(w)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (13, 11)])
@pytest.mark.parametrize("loss", LOSSES)
def test_small_and_empty_matrices(shape, loss):
    """One row, one column, nothing but zeros: finite factors, and zeros are fitted exactly."""
    rng = np.random.default_rng(0)
    for x in (rng.random(shape), np.zeros(shape)):
        model = NMF(2, init="random", beta_loss=loss, random_state=0, max_iter=50).fit(x)
        assert np.isfinite(model.components_).all()
        assert np.isfinite(model.transform(x)).all()
    assert model.reconstruction_err_ < 1e-6
