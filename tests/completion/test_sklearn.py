"""scikit-learn's own checks, and its tools at work on completion models."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import eckart
from eckart.completion import ALS, EASE, Baseline, ImplicitALS, ItemKNN, Popularity
from eckart.data import k_fold
from eckart.testing import small_ratings

MODELS = (
    ALS(rank=2, max_iter=5, random_state=0),
    Baseline(),
    EASE(1.0),
    ImplicitALS(rank=2, max_iter=5, random_state=0),
    ItemKNN(),
    ItemKNN(feedback="explicit"),
    Popularity(),
)
PAIRS = "an array of two columns beside y is (user, item) pairs of ids, not a matrix of two items"
PER_RATING = "predict answers per rating (observed entry), not per row: there are many in a row"
EXPECTED_FAILURES = {
    "check_estimators_overwrite_params": PAIRS,
    "check_estimators_fit_returns_self": PAIRS,
    "check_readonly_memmap_input": PAIRS,
    "check_fit_idempotent": PAIRS,
    "check_fit_check_is_fitted": PAIRS,
    "check_n_features_in": PAIRS,
    "check_estimator_sparse_array": PER_RATING,
    "check_estimator_sparse_matrix": PER_RATING,
    "check_methods_sample_order_invariance": PER_RATING,
    "check_methods_subset_invariance": PER_RATING,
}


def excuses(model):
    """Return the checks that `model` may fail. Where everyone has rated everything, as there, popularity,
    sums over clicks and their factors are the same for everyone, so parts of it get the same answers."""
    same = isinstance(model, Popularity | EASE | ImplicitALS) or getattr(model, "feedback", "") == "implicit"
    passes = {"check_methods_subset_invariance"} if same else set()
    return {name: reason for name, reason in EXPECTED_FAILURES.items() if name not in passes}


def checks_of(*models):
    """Every check of every model; those that are expected to fail are marked with their reason."""
    with warnings.catch_warnings():
        # Our models speak the protocol without inheriting from BaseEstimator, whose import costs a second.
        warnings.filterwarnings("ignore", message=".*does not inherit from")
        return [
            check
            for model in models
            for check in estimator_checks_generator(
                model, expected_failed_checks=excuses(model), mark="xfail"
            )
        ]


def name_of(value):
    return value.func.__name__ if hasattr(value, "func") else type(value).__name__


@pytest.mark.parametrize(
    ("estimator", "check"),
    checks_of(*MODELS),
    ids=name_of,
)
def test_scikit_learn_checks(estimator, check):
    """Each check that a model passes is a habit of scikit-learn's that users can rely on."""
    check(estimator)


@pytest.mark.filterwarnings("ignore:.*does not inherit from")
@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_expected_failures_do_fail(model):
    """An excuse that is no longer needed must go."""
    results = check_estimator(model, on_fail=None, on_skip=None)
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    assert failed == set(excuses(model))


def test_cross_validate_on_ratings():
    """The splitters cut Ratings along their one axis; each fold is scored on what it has not seen."""
    ratings = small_ratings()
    model = ALS(rank=3, random_state=0)
    found = cross_validate(model, ratings, cv=3, return_estimator=True, return_train_score=True)
    for (train, test), score, fitted in zip(
        KFold(3).split(ratings), found["test_score"], found["estimator"], strict=True
    ):
        assert score == ALS(rank=3, random_state=0).fit(ratings[train]).score(ratings[test])
        assert len(fitted.interactions_) == len(train)
    assert (found["train_score"] > found["test_score"]).all()


def test_cross_validate_on_pairs():
    """An (n, 2) array of ids and y is the form that scikit-learn knows best."""
    ratings = small_ratings()
    pairs = np.column_stack([ratings.user_index, ratings.item_index])
    shuffled = KFold(4, shuffle=True, random_state=0)
    scores = cross_val_score(ALS(rank=3, random_state=0), pairs, ratings.values, cv=shuffled)
    assert (scores > cross_val_score(Popularity(), pairs, ratings.values, cv=shuffled) - 0.1).all()


def test_own_folds():
    """eckart's folds and scikit-learn's mean the same."""
    ratings = small_ratings()
    for train, test in k_fold(ratings, 3, random_state=0):
        assert len(train) + len(test) == len(ratings)
        assert np.isfinite(ALS(rank=2, random_state=0).fit(train).score(test))


def test_grid_search(tmp_path):
    """Rank and reg chosen on Ratings; the best model is refitted, predicts and can be saved."""
    ratings = small_ratings()
    grid = {"rank": np.array([1, 3]), "reg": [0.02, (0.1, 0.2), 10.0], "biases": [True, False]}
    search = GridSearchCV(
        ALS(max_iter=5, random_state=0), grid, cv=KFold(3, shuffle=True, random_state=0)
    ).fit(ratings)
    assert search.best_params_["reg"] != 10.0
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert search.predict(ratings).shape == ratings.shape
    eckart.save(search.best_estimator_, tmp_path / "best.safetensors")
    assert eckart.load(tmp_path / "best.safetensors").get_params() == search.best_estimator_.get_params()


def test_imputer_in_a_pipeline():
    """A matrix with gaps goes through as through any other imputer, also at prediction time."""
    rng = np.random.default_rng(0)
    full = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 12))
    holes = np.where(rng.random(full.shape) < 0.3, np.nan, full)
    target = full @ rng.normal(size=12)
    from sklearn.linear_model import Ridge

    pipeline = make_pipeline(ALS(rank=2, reg=0.01, random_state=0), StandardScaler(), Ridge(0.1))
    assert pipeline.fit(holes[:60], target[:60]).score(holes[60:], target[60:]) > 0.95
    assert cross_val_score(pipeline, holes, target, cv=4).mean() > 0.9


def test_feature_names():
    """Columns keep their names through a pipeline: in from a table, out for the next step."""
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 3)), columns=["a", "b", "c"])
    model = ALS(rank=1, random_state=0).fit(table)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    assert list(model.get_feature_names_out()) == ["a", "b", "c"]
    model = model.fit(table.to_numpy())
    assert not hasattr(model, "feature_names_in_")
    assert list(model.get_feature_names_out()) == ["x0", "x1", "x2"]
    assert list(model.get_feature_names_out(["p", "q", "r"])) == ["p", "q", "r"]
    with pytest.raises(ValueError, match="input_features should have length equal to 3"):
        model.get_feature_names_out(["p"])


def test_clone_is_unfitted():
    """clone copies parameters and nothing that was learned."""
    model = ALS(rank=2, reg=(0.1, 0.3), random_state=0).fit(small_ratings())
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not twin.__sklearn_is_fitted__()
