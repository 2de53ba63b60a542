"""The bias model against the linear system that it solves."""

import numpy as np
import pytest

from eckart.completion import Baseline
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = Baseline()


class TestOnePenalty(CompletionConformance):
    model = Baseline(reg=3)


@pytest.mark.parametrize("reg", [(5.0, 2.0), 0.5])
def test_solves_the_ridge_regression(reg):
    """Its biases are the ridge regression on dummy variables, solved here in one piece."""
    ratings = small_ratings(np.float64)
    model = Baseline(reg=reg, max_iter=1000, tol=1e-13).fit(ratings)
    n_users, n_items = ratings.n_users, ratings.n_items
    design = np.zeros((len(ratings), n_users + n_items))
    design[np.arange(len(ratings)), ratings.user_index] = 1
    design[np.arange(len(ratings)), n_users + ratings.item_index] = 1
    reg_user, reg_item = reg if isinstance(reg, tuple) else (reg, reg)
    ridge = np.diag(np.repeat([reg_user, reg_item], [n_users, n_items]))
    wanted = np.linalg.solve(design.T @ design + ridge, design.T @ (ratings.values - ratings.values.mean()))
    np.testing.assert_allclose(np.concatenate([model.user_biases_, model.item_biases_]), wanted, atol=1e-10)
    np.testing.assert_allclose(model.predict(ratings), model.mean_ + design @ wanted, atol=1e-10)


def test_unknown_ids_use_what_is_known():
    """A new user gets the item's bias, and the other way round."""
    model = Baseline().fit(small_ratings())
    item, user = model.item_biases_[model.items_.code("item-00")], model.user_biases_[model.users_.code(100)]
    np.testing.assert_allclose(
        model.predict([-1, 100, -1], ["item-00", "?", "?"]), model.mean_ + np.array([item, user, 0])
    )


def test_stops_when_nothing_moves():
    """n_iter_ tells; a tolerance of zero does all the sweeps."""
    assert 1 < Baseline(tol=1e-3).fit(small_ratings()).n_iter_ < 50
    assert Baseline(max_iter=1).fit(small_ratings()).n_iter_ == 1


def test_without_penalty_empty_rows_are_neutral():
    """0 / 0 is no bias, not NaN."""
    matrix = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    model = Baseline(reg=0).fit(matrix)
    assert model.user_biases_[1] == model.item_biases_[1] == 0


BAD = {
    "reg": [-1, np.nan, "a", None, (1.0,), (1.0, -2.0)],
    "max_iter": [0, 1.5, None],
    "tol": [-1e-9, np.inf, None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_bad_parameters_are_named(name, value):
    """The message names the parameter; the model stays unfitted."""
    model = Baseline(**{name: value})
    with pytest.raises(ValueError, match=name):
        model.fit(small_ratings())
    assert not model.__sklearn_is_fitted__()
    assert set(BAD) == set(model.get_params())
