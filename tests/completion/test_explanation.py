"""explain: additive parts that are true of the model, not only plausible."""

import numpy as np
import pytest

import eckart
from eckart.completion import ALS
from eckart.data import Ratings
from eckart.testing import small_ratings

MODELS = {
    "default": {},
    "no biases": {"biases": False},
    "plain penalties": {"reg": (0.7, 0.3), "reg_scaling": "none"},
    "by item": {"normalize": "item", "normalize_method": "zscore"},
    "cg": {"solver": "cg"},
}
NORMALIZED_BY_USER = {  # a changed rating changes the user's own mean too: no plain finite difference
    "by user": {"normalize": "user"},
    "both": {"normalize": "both", "normalize_method": "zscore"},
}


def fitted(name, dtype=np.float64):
    params = (MODELS | NORMALIZED_BY_USER)[name]
    return ALS(rank=3, max_iter=5, random_state=0, **params).fit(small_ratings(dtype))


@pytest.mark.parametrize("name", [*MODELS, *NORMALIZED_BY_USER])
@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-4), (np.float64, 1e-9)])
def test_parts_add_up_to_the_prediction(name, dtype, close):
    """Every rating has its part, base is the rest, and the sum is what `predict` says."""
    model = fitted(name, dtype)
    for user in (100, 107, 254):
        found = model.explain(user, "item-05")
        assert found.base + found.parts.sum() == pytest.approx(found.prediction, abs=1e-9)
        assert found.prediction == pytest.approx(float(model.predict(user, "item-05")[0]), abs=close)
        assert (np.diff(found.parts) <= 0).all()
        rated, values = model.interactions_.by_user.row(model.users_.code(user))
        assert dict(zip(found.items, found.ratings, strict=True)) == dict(
            zip(model.items_.decode(rated), values, strict=True)
        )


@pytest.mark.parametrize("name", MODELS)
def test_parts_are_the_effect_of_a_rating(name):
    """Had the user rated item j higher by delta, the prediction would move by part / target * delta."""
    model, delta = fitted(name), 0.01
    ratings = model.interactions_
    code = model.users_.code(107)
    mine = np.flatnonzero(ratings.user_index == code)
    found = model.explain(107, "item-05")
    for row in mine[:4]:
        values = ratings.values.copy()
        values[row] += delta
        item = ratings.items.ids()[ratings.item_index[row]]
        part = found.parts[list(found.items).index(item)]
        changed = ratings.with_values(values)
        moved = predicted(model, changed, code, "item-05") - found.prediction
        target = target_of(model, ratings, row)
        assert moved == pytest.approx(part / target * delta * unit(model, ratings, row), rel=1e-5, abs=1e-9)


def predicted(model, ratings, code, item):
    """The prediction for a folded-in user, read off the completed matrix."""
    column = model.items_.code(item)
    keep = ~((ratings.user_index == code) & (ratings.item_index == column))
    assert keep.all(), "choose an item that the user has not rated"
    return float(model.transform(ratings)[code, column])


def target_of(model, ratings, row):
    """What is left of a rating when mean and item bias are taken away: what the factors must explain."""
    user, item = ratings.user_index[row], ratings.item_index[row]
    value = ratings.values[row]
    if model.normalization_ is not None:
        value = model.normalization_.normalize(user, item, value)
    return value - model.mean_ - (0 if model.item_biases_ is None else model.item_biases_[item])


def unit(model, ratings, row):
    """How much of the target one unit of the rating is."""
    if model.normalization_ is None:
        return 1.0
    pair = ratings.user_index[row], ratings.item_index[row]
    return float(model.normalization_.normalize(*pair, 1.0) - model.normalization_.normalize(*pair, 0.0))


def test_text_and_titles():
    """What a person reads: the prediction first, then the ratings that made it."""
    ratings = Ratings.from_arrays(
        [1, 1, 2, 2], ["a", "b", "a", "c"], [3.0, 4.0, 5.0, 2.0], item_titles={"a": "Alien", "b": "Brazil"}
    )
    found = ALS(rank=1, random_state=0).fit(ratings).explain(1, "c")
    assert len(found) == 2
    assert sorted(found.titles) == ["Alien", "Brazil"]
    assert "predicted" in str(found).splitlines()[0]
    assert "(rated 4)" in str(found)


def test_a_user_without_ratings():
    """Nothing to add up: the prediction is the base."""
    matrix = np.array([[1.0, 2.0], [np.nan, np.nan]])
    found = ALS(rank=1, random_state=0).fit(matrix).explain(1, 0)
    assert len(found) == 0
    assert found.prediction == found.base


def test_errors(tmp_path):
    """Unknown ids are named; a file without interactions says that it has none."""
    model = fitted("default")
    with pytest.raises(KeyError, match="-1"):
        model.explain(-1, "item-00")
    with pytest.raises(KeyError, match="no such item"):
        model.explain(100, "no such item")
    eckart.save(model, tmp_path / "m.safetensors", interactions=False)
    with pytest.raises(eckart.EckartError, match="interactions=False"):
        eckart.load(tmp_path / "m.safetensors").explain(100, "item-00")
