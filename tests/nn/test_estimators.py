"""Networks as scikit-learn knows estimators."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris, make_moons
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from eckart.nn import NetClassifier, NetRegressor, layers, models

QUICK = {"lr": 0.01, "random_state": 0}


def checks_of(*models):
    """Every check of every model."""
    with warnings.catch_warnings():
        # Our models speak the protocol without inheriting from BaseEstimator, whose import costs a second.
        warnings.filterwarnings("ignore", message=".*does not inherit from")
        return [check for model in models for check in estimator_checks_generator(model)]


@pytest.mark.parametrize(
    ("estimator", "check"), checks_of(NetClassifier(**QUICK, epochs=40), NetRegressor(**QUICK, epochs=60))
)
def test_conventions(estimator, check):
    """Whatever scikit-learn builds on estimators relies on these."""
    check(estimator)


def test_learns_what_a_line_cannot():
    """Two moons: logistic regression gets about 87 %, a hidden layer nearly all."""
    X, y = make_moons(300, noise=0.1, random_state=0)
    labels = np.where(y == 1, "up", "down")
    model = NetClassifier(epochs=60, **QUICK).fit(X[:200], labels[:200])
    assert model.score(X[200:], labels[200:]) > 0.97
    assert model.classes_.tolist() == ["down", "up"]
    assert set(model.predict(X)) == {"down", "up"}
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert is_classifier(model)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), proba)
    np.testing.assert_array_equal(clone(model).fit(X[:200], labels[:200]).predict_proba(X), proba)


def test_regressor_and_several_targets():
    """Targets of any scale, one or several columns, shaped as they came."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype(np.float32)
    y = np.stack([1000 * np.abs(X[:, 0]), 0.01 * X[:, 1] * X[:, 2]], axis=1)
    model = NetRegressor(epochs=80, **QUICK).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.predict(X).shape == (300, 2)
    assert is_regressor(model)
    assert NetRegressor(epochs=2, **QUICK).fit(X, y[:, 0]).predict(X).shape == (300,)


def test_in_a_pipeline_and_a_grid():
    """Scaling, folds and a search over the network itself."""
    X, y = load_iris(return_X_y=True)
    wide = models.MLP([4, 16, 3], random_state=0)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), NetClassifier(epochs=30, **QUICK)),
        {
            "netclassifier__module": [
                wide,
                lambda n_in, n_out, rng: models.MLP([n_in, n_out], random_state=rng),
            ]
        },
        cv=3,
    ).fit(X, y)
    assert search.best_score_ > 0.93
    assert cross_val_score(NetClassifier(wide, epochs=30, **QUICK), X, y, cv=3).mean() > 0.9


def test_the_given_module_is_never_trained():
    """One module in a grid is fitted many times: each must start from the same weights."""
    X, y = load_iris(return_X_y=True)
    module = models.MLP([4, 3], random_state=0)
    before = module.state_dict()
    first = NetClassifier(module, epochs=2, **QUICK).fit(X, y)
    second = NetClassifier(module, epochs=2, **QUICK).fit(X, y)
    assert all(np.array_equal(before[n], a) for n, a in module.state_dict().items())
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_images_and_early_stopping():
    """Examples of more axes go to a convolution as they are; patience holds out a part."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    X = rng.normal(size=(120, 1, 6, 6)).astype(np.float32)
    X[y == 1, :, :3] += 1

    def make(shape, n_out, rng):
        assert shape == (1, 6, 6)
        return layers.Sequential(
            layers.Conv2d(1, 4, 3, random_state=rng), layers.ReLU(), layers.Flatten(),
            layers.Linear(64, n_out, random_state=rng),
        )  # fmt: skip

    model = NetClassifier(make, epochs=100, patience=4, **QUICK).fit(X, y)
    assert model.score(X, y) > 0.9
    assert len(model.history_) < 100
    assert "validation_loss" in model.history_[0]


def test_a_plan_changes_nothing():
    """Training without Python in the step gives the same predictions, to the bit."""
    X, y = make_moons(90, noise=0.1, random_state=0)
    net = layers.Sequential(
        layers.Linear(2, 9, random_state=0),
        layers.BatchNorm1d(9),
        layers.Tanh(),
        layers.Linear(9, 2, random_state=1),
    )
    found = [
        NetClassifier(net, epochs=4, plan=plan, random_state=0).fit(X, y).predict_proba(X)
        for plan in (False, True)
    ]
    np.testing.assert_array_equal(*found)
    with pytest.raises(ValueError, match="plan: expected"):
        NetClassifier(net, plan="yes").fit(X, y)


def test_bad_parameters():
    """A misspelt optimiser in a grid must not pass in silence."""
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="optimizer: expected one of 'sgd', 'adam', 'adamw'"):
        NetClassifier(optimizer="adm").fit(X, y)
    with pytest.raises(ValueError, match="lr: expected"):
        NetClassifier(lr=0).fit(X, y)
    with pytest.raises(ValueError, match="epochs: expected"):
        NetRegressor(epochs=0).fit(X, y)


def test_modules_that_do_not_fit():
    """Too many logits would give probabilities of classes that do not exist; errors are told from shapes."""
    X, y = load_iris(return_X_y=True)
    wrong = r"module: expected outputs \(n, 3\), got shape \(1, 4\) for one example"
    with pytest.raises(ValueError, match=wrong):
        NetClassifier(models.MLP([4, 4])).fit(X, y)
    flat = layers.Sequential(layers.Linear(4, 1), layers.Flatten(0))
    with pytest.raises(ValueError, match=r"module: expected outputs \(n, 1\), got shape \(1,\)"):
        NetRegressor(flat).fit(X, y)
    with pytest.raises(TypeError, match=r"module: expected a Module or a function .* got 'mlp'"):
        NetClassifier("mlp").fit(X, y)
    with pytest.raises(TypeError, match="got one that makes 3"):
        NetClassifier(lambda n_in, n_out, rng: 3).fit(X, y)
    with pytest.raises(ValueError, match=r"module: expected one for examples of shape \(2, 2\), got None"):
        NetClassifier().fit(X.reshape(-1, 2, 2), y)


def test_frozen_layers_stay():
    """Features that were learned elsewhere are kept, the head alone is trained."""
    X, y = load_iris(return_X_y=True)
    module = models.MLP([4, 8, 3], random_state=0)
    module[0].requires_grad_(False)
    found = NetClassifier(module, epochs=2, **QUICK).fit(X, y).module_
    np.testing.assert_array_equal(found[0].weight.data, module[0].weight.data)
    assert not np.array_equal(found[2].weight.data, module[2].weight.data)
