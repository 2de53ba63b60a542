"""Normalisation: what it takes away, and that it can be put back."""

import numpy as np
import pytest

from eckart.base.errors import EckartError
from eckart.data import Normalization, Ratings


@pytest.fixture(params=[np.float32, np.float64])
def ratings(request):
    rng = np.random.default_rng(0)
    cells = rng.permutation(41 * 29)[:500]
    values = rng.normal(3, 1, 500) + cells // 29 % 3
    ratings = Ratings.from_arrays(cells // 29, cells % 29, values, dtype=request.param)
    return ratings.merged(Ratings.from_arrays([100], [200], [1]))[
        :-1
    ]  # one user and one item without ratings


def tolerance(ratings):
    return 1e-12 if ratings.dtype == np.float64 else 1e-5


@pytest.mark.parametrize("by", ["user", "item", "both"])
@pytest.mark.parametrize("method", ["mean", "zscore"])
def test_undo_undoes(ratings, by, method):
    """Predictions must come back on the scale of the ratings."""
    norm = Normalization.fit(ratings, by=by, method=method)
    changed = norm.apply(ratings)
    assert changed.dtype == ratings.dtype
    restored = norm.undo(changed.user_index, changed.item_index, changed.values)
    np.testing.assert_allclose(restored, ratings.values, rtol=tolerance(ratings), atol=tolerance(ratings))
    assert restored.dtype == ratings.dtype


@pytest.mark.parametrize("method", ["mean", "zscore"])
@pytest.mark.parametrize(("by", "view"), [("user", "by_user"), ("item", "by_item"), ("both", "by_item")])
def test_rows_are_centred_and_scaled(ratings, by, view, method):
    """Row by row against NumPy."""
    rows = getattr(Normalization.fit(ratings, by=by, method=method).apply(ratings), view)
    for i in range(rows.n_rows):
        values = rows.row(i)[1]
        if len(values):
            assert values.mean() == pytest.approx(0, abs=10 * tolerance(ratings))
        if len(values) > 1 and method == "zscore":
            assert values.std() == pytest.approx(1, rel=100 * tolerance(ratings))


def test_attributes_are_the_statistics(ratings):
    """Read by models that fold the normalisation into their predictions."""
    norm = Normalization.fit(ratings, by="user", method="zscore")
    assert norm.item_offset is norm.item_scale is None
    for user in (0, 17, 40):
        values = ratings.by_user.row(user)[1].astype(float)
        assert norm.user_offset[user] == pytest.approx(values.mean())
        assert norm.user_scale[user] == pytest.approx(values.std())
    assert norm.user_offset[41] == pytest.approx(ratings.mean)  # nobody knows user 41: the mean of all
    assert norm.user_scale[41] == pytest.approx(ratings.values.std(dtype=float))
    assert (Normalization.fit(ratings, by="item").item_scale == 1).all()


def test_unknown_codes_are_neutral(ratings):
    """A prediction for an unknown user is the mean, never NaN; appended codes count as unknown."""
    norm = Normalization.fit(ratings, by="both", method="zscore")
    value = norm.undo([-1, 42], [-1, 30], np.zeros(2))
    np.testing.assert_allclose(value, ratings.mean, atol=0.05)
    known, unknown = norm.undo([3, -1], [5, 5], np.zeros(2))
    assert known != unknown
    grid = norm.undo(np.array([[0], [1]]), np.array([[0, 1, 2]]), np.zeros((2, 3), dtype=np.float32))
    assert (grid.shape, grid.dtype) == ((2, 3), np.float32)


def test_constant_rows_have_scale_one():
    """A user who gives five stars to everything must not become infinite, rounding errors included."""
    ratings = Ratings.from_arrays([1, 1, 1, 2], [1, 2, 3, 1], [0.1, 0.1, 0.1, 7], dtype=np.float64)
    norm = Normalization.fit(ratings, method="zscore")
    np.testing.assert_array_equal(norm.user_scale, 1)
    np.testing.assert_allclose(norm.apply(ratings).values, 0, atol=1e-12)


def test_nothing_to_learn_from():
    """Empty ratings give the identity."""
    empty = Ratings.from_arrays([1], [1], [3])[[]]
    norm = Normalization.fit(empty, by="both", method="zscore")
    assert norm.undo([0, -1], [0, -1], [2.0, 3.0]).tolist() == [2, 3]
    assert len(norm.apply(empty)) == 0


def test_bad_words():
    """Names of options are checked."""
    ratings = Ratings.from_arrays([1], [1], [3])
    with pytest.raises(ValueError, match="by: expected one of"):
        Normalization.fit(ratings, by="users")
    with pytest.raises(ValueError, match="method: expected one of"):
        Normalization.fit(ratings, method="std")


@pytest.mark.parametrize("by", ["user", "item", "both"])
def test_round_trip(ratings, by):
    """A loaded model must predict the same."""
    norm = Normalization.fit(ratings, by=by, method="zscore")
    again = Normalization._from_state(norm._get_state())
    codes = np.array([0, 3, -1])
    np.testing.assert_array_equal(again.undo(codes, codes, np.ones(3)), norm.undo(codes, codes, np.ones(3)))


@pytest.mark.parametrize(
    "damage",
    [
        {"user_scale": 0.0},
        {"user_scale": -1.0},
        {"user_offset": np.nan},
        {"method": "std"},
        {"user_default": [1]},
        {"item_default": [0, "x"]},
        {"item_default": [0.0, 0.0]},
    ],
)
def test_damage_is_found(damage):
    """A scale of zero would turn predictions into a constant."""
    state = Normalization.fit(Ratings.from_arrays([1, 2], [1, 1], [3, 4]), method="zscore")._get_state()
    for name, value in damage.items():
        if name in state.arrays:
            state.arrays[name][1] = value
        else:
            state.meta[name] = value
    with pytest.raises(EckartError, match="damaged file"):
        Normalization._from_state(state)
