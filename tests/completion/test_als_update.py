"""New ratings without a new fit: `update` refits exactly the rows that grew."""

import numpy as np
import pytest
from tests.completion import reference

import eckart
from eckart.base.csr import Csr
from eckart.completion import ALS
from eckart.completion._als_update import changed_rows
from eckart.data import Ratings
from eckart.testing import small_ratings


def fitted(**params):
    return ALS(**({"rank": 3, "max_iter": 8, "random_state": 0} | params)).fit(small_ratings(np.float64))


def objective_of(model):
    ratings = model.interactions_
    penalties = [
        reference.penalties(rows, model.reg, model.reg_scaling) for rows in (ratings.by_user, ratings.by_item)
    ]
    return reference.objective(reference.Point.of(model), ratings, *penalties)


def new_ratings(users, items, values):
    return Ratings.from_arrays(users, items, values, dtype=np.float64)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("scaling", ["count", "none"])
def test_equals_exact_solves_of_the_grown_rows(biases, scaling):
    """The grown rows are solved in turn as training would, the others keep their bits."""
    model = fitted(biases=biases, reg_scaling=scaling)
    before = reference.Point.of(model)
    model.update(new_ratings([100, 107], ["item-05", "item-05"], [1.0, 4.0]))
    merged = model.interactions_
    reg_users, reg_items = (reference.penalties(r, 0.1, scaling) for r in (merged.by_user, merged.by_item))
    users, items = model.users_.encode([100, 107]), model.items_.encode(["item-05"])
    point = before
    for sweep in range(3):  # users, items, users, items, users
        bias = point.item_bias if biases else None
        solved = reference.half_solve(merged.by_user, point.items, bias, point.mean, reg_users)
        point.users[users], point.user_bias[users] = solved[0][users], solved[1][users]
        if sweep < 2:
            bias = point.user_bias if biases else None
            solved = reference.half_solve(merged.by_item, point.users, bias, point.mean, reg_items)
            point.items[items], point.item_bias[items] = solved[0][items], solved[1][items]
    np.testing.assert_allclose(model.user_factors_, point.users, atol=1e-10)
    np.testing.assert_allclose(model.item_factors_, point.items, atol=1e-10)
    after = reference.Point.of(model)
    np.testing.assert_allclose(after.user_bias, point.user_bias, atol=1e-10)
    np.testing.assert_allclose(after.item_bias, point.item_bias, atol=1e-10)


def test_other_rows_keep_their_bits():
    """Nobody's recommendations change because someone else rated something else."""
    model = fitted()
    users, items = model.user_factors_.copy(), model.item_factors_.copy()
    model.update(new_ratings([100], ["item-05"], [2.0]))
    others = np.delete(np.arange(len(users)), model.users_.code(100))
    np.testing.assert_array_equal(model.user_factors_[others], users[others])
    others = np.delete(np.arange(len(items)), model.items_.code("item-05"))
    np.testing.assert_array_equal(model.item_factors_[others], items[others])


def test_the_objective_of_the_merged_ratings_falls():
    """Each exact solve lowers it, so an update is never worse than leaving the rows as they were."""
    model = fitted()
    stale = fitted()
    extra = new_ratings([100, 107, 114, 100], ["item-05", "item-07", "item-05", "item-39"], [5.0, 1, 1, 5])
    stale.interactions_ = stale.interactions_.merged(extra)
    model.update(extra)
    assert objective_of(model) < objective_of(stale)


def test_new_users_and_items():
    """Ids appear in the vocabulary, get factors, predictions and recommendations; known codes stay."""
    model = fitted()
    codes = model.users_.encode([100, 107]), model.items_.encode(["item-05"])
    extra = new_ratings([5, 5, 6, 100], ["brand new", "item-05", "brand new", "brand new"], [5.0, 4, 5, 4])
    assert model.update(extra) is model
    assert (len(model.users_), len(model.items_)) == (62, 41)
    np.testing.assert_array_equal(model.users_.encode([100, 107]), codes[0])
    np.testing.assert_array_equal(model.items_.encode(["item-05"]), codes[1])
    assert model.user_factors_.shape == (62, 3)
    assert model.item_biases_.shape == (41,)
    assert model.user_factors_[model.users_.code(6)].any()
    assert model.predict(6, "brand new")[0] > model.predict(6, "item-05")[0] - 1
    assert "brand new" not in model.recommend(5, k=41).items[0].compressed()
    np.testing.assert_allclose(
        model.fold_in(model.interactions_)[model.users_.encode([5, 6, 100])],
        model.user_factors_[model.users_.encode([5, 6, 100])],
        atol=1e-10,
    )
    with pytest.raises(KeyError):
        fitted().recommend(5)


def test_new_users_with_new_items_only():
    """They know each other alone; starting from zeros they would stay at zero for ever."""
    model = fitted(reg=0.01)
    extra = new_ratings([1, 1, 2, 2], ["x", "y", "x", "y"], [5.0, 1.0, 1.0, 5.0]).merged(
        new_ratings([3], ["x"], [5.0])
    )
    model.update(extra)
    assert model.user_factors_[model.users_.encode([1, 2, 3])].any(axis=1).all()
    assert model.item_factors_[model.items_.encode(["x", "y"])].any(axis=1).all()


def test_a_known_pair_is_replaced():
    """People change their minds: the last rating counts, once."""
    model = fitted()
    row = model.interactions_[0]
    n = len(model.interactions_)
    model.update(new_ratings([row.user], [row.item], [1.25]))
    assert len(model.interactions_) == n
    columns, values = model.interactions_.by_user.row(model.users_.code(row.user))
    assert values[list(columns).index(model.items_.code(row.item))] == 1.25
    np.testing.assert_allclose(
        model.explain(row.user, "item-05").prediction, model.predict(row.user, "item-05")[0], atol=1e-9
    )


def test_an_update_of_nothing_changes_nothing():
    """The same ratings again are no news."""
    model = fitted()
    users = model.user_factors_.copy()
    model.update(model.interactions_[:20])
    np.testing.assert_array_equal(model.user_factors_, users)


def test_updates_are_deterministic():
    """The same update twice gives the same model: replicas of a server agree."""
    extra = new_ratings([5, 6], ["brand new", "brand new"], [5.0, 4.0])
    one, other = fitted().update(extra), fitted().update(extra)
    np.testing.assert_array_equal(one.user_factors_, other.user_factors_)
    np.testing.assert_array_equal(one.item_factors_, other.item_factors_)


@pytest.mark.parametrize("normalize", ["user", "item", "both"])
def test_normalized_models(normalize):
    """The statistics of the grown rows are taken anew, and predictions stay on the scale."""
    model = fitted(normalize=normalize)
    model.update(new_ratings([5, 5, 100], ["item-05", "brand new", "brand new"], [1.0, 5.0, 4.0]))
    assert np.isfinite(model.predict([5, 100], ["item-00", "brand new"])).all()
    np.testing.assert_allclose(
        model.fold_in(model.interactions_)[model.users_.code(5)],
        model.user_factors_[model.users_.code(5)],
        atol=1e-10,
    )


def test_matrix_models_grow():
    """Rows and columns of a matrix are codes; the width that transform asks for grows along."""
    matrix = np.random.default_rng(0).normal(3, 1, (6, 5))
    model = ALS(rank=2, random_state=0).fit(matrix)
    grown = np.full((7, 6), np.nan)
    grown[6, :6] = 4.0
    model.update(grown)
    assert model.n_features_in_ == 6
    assert model.transform(np.full((2, 6), np.nan)).shape == (2, 6)
    assert len(model.users_) == 7


def test_a_loaded_model_can_be_updated(tmp_path):
    """Mapped arrays are read-only: an update works on copies, and without ratings it says why not."""
    model = fitted()
    extra = new_ratings([5, 100], ["brand new", "item-05"], [5.0, 4.0])
    eckart.save(model, tmp_path / "m.safetensors")
    loaded = eckart.load(tmp_path / "m.safetensors").update(extra)
    np.testing.assert_array_equal(loaded.user_factors_, model.update(extra).user_factors_)
    eckart.save(model, tmp_path / "m.safetensors", interactions=False)
    with pytest.raises(eckart.EckartError, match="update needs the training ratings"):
        eckart.load(tmp_path / "m.safetensors").update(extra)


@pytest.mark.parametrize("seed", range(8))
def test_changed_rows_by_brute_force(seed):
    """A row that grew, a replaced value, a new row: all of them, and no other."""
    rng = np.random.default_rng(seed)
    n_old, n_new, n_cols = rng.integers(0, 9), 9, 6
    old = np.where(rng.random((n_old, n_cols)) < 0.5, rng.integers(1, 6, (n_old, n_cols)), 0)
    new = np.zeros((n_new, n_cols), int)
    new[:n_old] = old
    changes = rng.random(new.shape) < 0.08
    new[changes] = rng.integers(1, 6, changes.sum())
    wanted = [
        i for i in range(n_new) if (i < n_old and (new[i] != old[i]).any()) or (i >= n_old and new[i].any())
    ]
    np.testing.assert_array_equal(changed_rows(compressed(old), compressed(new)), wanted)


def compressed(matrix):
    rows, cols = np.nonzero(matrix)
    indptr = np.concatenate([[0], np.cumsum((matrix > 0).sum(axis=1))]).astype(np.int64)
    return Csr(indptr, cols.astype(np.int32), matrix[rows, cols].astype(np.float32), matrix.shape[1])
