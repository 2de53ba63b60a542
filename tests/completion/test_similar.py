"""More like this: cosine between factors against NumPy."""

import numpy as np
import pytest

from eckart.completion import ALS
from eckart.testing import small_ratings


@pytest.fixture
def model():
    return ALS(rank=4, max_iter=5, random_state=0).fit(small_ratings(np.float64))


@pytest.mark.parametrize("side", ["items", "users"])
def test_equals_cosine(model, side):
    """The nearest by angle, the query itself left out, best first."""
    factors, vocabulary = getattr(model, f"{side[:-1]}_factors_"), getattr(model, f"{side}_")
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    queries = vocabulary.ids()[[3, 0, 17]]
    found = getattr(model, f"similar_{side}")(queries, k=6)
    assert list(found.users) == list(queries)
    for row, code in enumerate((3, 0, 17)):
        order = np.argsort(-cosine[code])[:6]
        assert list(found.items[row]) == list(vocabulary.ids()[order])
        np.testing.assert_allclose(found.scores[row], cosine[code, order], atol=1e-12)


def test_one_id_more_than_there_are_and_unknown_ids(model):
    """A single id is one row; everything else is similar to some degree; no id is invented."""
    n = len(model.items_)
    found = model.similar_items("item-07", k=n + 3)
    assert found.mask[0].sum() == 4
    assert "item-07" not in found.items[0].compressed()
    assert set(found.items.data[0][found.mask[0]]) == {None}
    with pytest.raises(KeyError, match="no such item"):
        model.similar_items(["item-07", "no such item"])
    with pytest.raises(KeyError, match="-5"):
        model.similar_users(-5)
    with pytest.raises(ValueError, match="k: expected"):
        model.similar_items("item-07", k=0)


def test_an_item_without_ratings_is_similar_to_nothing():
    """Its factors are zero: similarity 0, not NaN."""
    matrix = np.random.default_rng(0).normal(size=(9, 5))
    matrix[:, 2] = np.nan
    model = ALS(rank=2, random_state=0).fit(matrix)
    np.testing.assert_array_equal(model.similar_items(2, k=4).scores[0], 0)
    assert np.isfinite(model.similar_items(0, k=4).scores[0].compressed()).all()
