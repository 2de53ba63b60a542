"""New users and new items: fold_in, recommend_new, and the completed matrix of transform."""

import numpy as np
import pytest
from scipy import sparse
from tests.completion import reference

from eckart.completion import ALS
from eckart.data import Ratings
from eckart.testing import small_ratings

MODELS = {
    "cholesky": {},
    "cg": {"solver": "cg", "cg_steps": 2},
    "no biases": {"biases": False},
    "plain": {"reg_scaling": "none", "reg": (0.3, 0.7)},
    "by user": {"normalize": "user"},
    "by item": {"normalize": "item"},
    "zscores": {"normalize": "both", "normalize_method": "zscore"},
}


def fitted(name="cholesky", dtype=np.float64, ratings=None, **params):
    ratings = small_ratings(dtype) if ratings is None else ratings
    return ALS(**({"rank": 4, "max_iter": 4, "random_state": 0} | MODELS[name] | params)).fit(ratings)


def matrix_of(seed=0, shape=(25, 18), missing=0.6):
    rng = np.random.default_rng(seed)
    full = 3 + rng.normal(size=(shape[0], 2)) @ rng.normal(size=(2, shape[1]))
    return np.where(rng.random(shape) < missing, np.nan, full)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-5), (np.float64, 1e-10)])
def test_training_rows_give_their_training_factors(name, dtype, close):
    """A user folded in is the user that training would have made: no drift between the two paths."""
    model = fitted(name, dtype)
    factors = model.fold_in(small_ratings(dtype))
    assert factors.dtype == dtype
    np.testing.assert_allclose(factors, model.user_factors_, rtol=0, atol=close)


@pytest.mark.parametrize("name", ["cholesky", "no biases", "plain"])
def test_items_are_one_exact_half_solve(name):
    """An item folded in minimises the objective over that item, the users fixed."""
    ratings = small_ratings(np.float64)
    model = fitted(name)
    reg = model.reg[1] if isinstance(model.reg, tuple) else model.reg
    penalties = reference.penalties(ratings.by_item, reg, model.reg_scaling)
    wanted, _ = reference.half_solve(
        ratings.by_item, model.user_factors_, model.user_biases_, model.mean_, penalties
    )
    np.testing.assert_allclose(model.fold_in(ratings, side="items"), wanted, atol=1e-10)


def test_a_subset_folds_in_as_the_whole():
    """A row's answer depends on that row alone, bit for bit, whatever is asked beside it."""
    dense = matrix_of()
    model = fitted(ratings=dense)
    whole = model.fold_in(dense)
    for rows in ([3], [7, 2], list(range(0, 25, 5))):
        np.testing.assert_array_equal(model.fold_in(dense[rows]), whole[rows])


def test_forms_of_new_rows():
    """Dense, sparse, pairs by id and Ratings are doors to one answer."""
    dense = matrix_of()
    model = fitted(ratings=dense)
    wanted = model.fold_in(dense)
    rows, cols = np.nonzero(~np.isnan(dense))
    by_id = Ratings.from_arrays(rows, cols, dense[rows, cols], dtype=np.float64)
    np.testing.assert_array_equal(
        model.fold_in(sparse.csr_array((dense[rows, cols], (rows, cols)), dense.shape)), wanted
    )
    np.testing.assert_allclose(model.fold_in(by_id), wanted[np.unique(rows)], atol=1e-12)


def test_unknown_ids_are_named():
    """New users may only rate what the model knows (and new items be rated by whom it knows)."""
    model = fitted()
    with pytest.raises(KeyError, match="no such item"):
        model.fold_in(Ratings.from_arrays([1], ["no such item"], [3.0]))
    with pytest.raises(KeyError, match="12345"):
        model.fold_in(Ratings.from_arrays([12345], ["a new item"], [3.0]), side="items")
    with pytest.raises(ValueError, match="side"):
        model.fold_in(small_ratings(), side="both")


def test_wrong_width():
    """A matrix of another width would be read against the wrong items."""
    model = fitted(ratings=matrix_of())
    for method in (model.transform, model.fold_in, model.recommend_new, model.predict):
        with pytest.raises(ValueError, match="X has 17 features, but ALS is expecting 18 features"):
            method(matrix_of(shape=(4, 17)))
    with pytest.raises(ValueError, match="25 rows"):
        model.fold_in(matrix_of(shape=(24, 3)), side="items")


@pytest.mark.parametrize("name", MODELS)
def test_transform_completes(name):
    """An imputer: what was observed stays to the bit, what was missing is what predict says."""
    dense = matrix_of()
    model = fitted(name, ratings=dense)
    full = model.transform(dense)
    missing = np.isnan(dense)
    np.testing.assert_array_equal(full[~missing], dense[~missing])
    users, items = np.nonzero(missing)
    np.testing.assert_allclose(full[users, items], model.predict(users, items), atol=1e-9)
    np.testing.assert_array_equal(
        full, ALS(**model.get_params()).fit_transform(dense), err_msg="fit_transform is fit, then transform"
    )


def test_transform_of_nothing():
    """A new row without ratings is the mean and the items' biases; no rows are no error."""
    dense = matrix_of()
    model = fitted(ratings=dense)
    empty = model.transform(np.full((1, 18), np.nan))
    np.testing.assert_allclose(empty[0], model.mean_ + model.item_biases_, atol=1e-12)
    assert model.transform(dense[:0]).shape == (0, 18)
    assert model.fold_in(dense[:0]).shape == (0, 4)


@pytest.mark.parametrize("name", MODELS)
def test_recommend_new_is_recommend_of_training_rows(name):
    """Someone who signed up a minute ago gets the list that tonight's training would give."""
    ratings = small_ratings(np.float64)
    model = fitted(name)
    known, new = model.recommend(k=5), model.recommend_new(ratings, k=5)
    np.testing.assert_array_equal(known.items.filled("-"), new.items.filled("-"))
    np.testing.assert_allclose(known.scores, new.scores, atol=1e-9)
    assert list(new.users) == list(ratings.users.ids())


def test_recommend_new_can_keep_seen():
    """exclude_seen means the rows that were handed in."""
    ratings = small_ratings()
    model = fitted(dtype=np.float32)
    found = model.recommend_new(ratings, k=ratings.n_items, exclude_seen=False)
    assert not found.mask.any()
    assert model.recommend_new(ratings, k=ratings.n_items).mask.any()
