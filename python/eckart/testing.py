"""Conformance tests for completion models: ours inherit them, and so can anyone's who extends eckart.

    class TestMyModel(CompletionConformance):
        model = MyModel(rank=4, random_state=0)

Each test says in its docstring why the behaviour matters. Needs pytest to run, not to import.
"""

import copy
import pickle
from typing import Any, ClassVar

import numpy as np

import eckart


def small_ratings(dtype: Any = np.float32, seed: int = 0) -> Any:
    """Return about 600 ratings of 60 users and 40 items, low rank plus noise, ids with gaps and texts."""
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((60, 40)) < 0.25)
    truth = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 40))
    values = 3 + 0.5 * truth[users, items] + 0.1 * rng.normal(size=len(users))
    names = [f"item-{i:02d}" for i in range(40)]
    return eckart.data.Ratings.from_arrays(
        users * 7 + 100, [names[i] for i in items], values.clip(1, 5), dtype=dtype
    )


class CompletionConformance:
    """What every completion model owes its users. Set `model`; `ratings` may be replaced."""

    model: ClassVar[Any]
    users_are_rows: ClassVar[bool] = False  # nothing is learned per user: scores need the users' ratings

    def ratings(self, dtype: Any = np.float32) -> Any:
        return small_ratings(dtype)

    def fitted(self, dtype: Any = np.float32) -> Any:
        return copy.deepcopy(self.model).fit(self.ratings(dtype))

    def test_parameters_are_stored_verbatim(self) -> None:
        """clone and GridSearchCV rely on get_params giving back what the constructor took."""
        from sklearn.base import clone

        twin = clone(self.model)
        assert twin is not self.model
        assert twin.get_params() == self.model.get_params()
        assert twin.set_params(**self.model.get_params()).get_params() == self.model.get_params()

    def test_unknown_parameter_is_refused(self) -> None:
        """A misspelt parameter in a grid must not pass in silence."""
        import pytest

        with pytest.raises(ValueError, match="no_such_parameter"):
            copy.deepcopy(self.model).set_params(no_such_parameter=1)

    def test_predict_before_fit(self) -> None:
        """An unfitted model says so, in scikit-learn's own error."""
        import pytest
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError, match="fit"):
            copy.deepcopy(self.model).predict([1], ["item-00"])

    def test_deterministic(self) -> None:
        """The same seed and data give the same bits, whatever the number of threads."""
        before = eckart.get_num_threads()
        answers = []
        try:
            for threads in (1, 2, 2, 3, 5):
                eckart.set_num_threads(threads)
                model = self.fitted()
                found = model.recommend(k=7)
                answers.append(
                    (model.predict(self.ratings()), found.items.filled("-"), found.scores.filled(0))
                )
        finally:
            eckart.set_num_threads(before)
        for answer in answers[1:]:
            for one, other in zip(answers[0], answer, strict=True):
                assert np.array_equal(one, other)

    def test_pickle_round_trip(self) -> None:
        """Joblib and multiprocessing send models by pickle."""
        model = self.fitted()
        assert np.array_equal(
            pickle.loads(pickle.dumps(model)).predict(self.ratings()), model.predict(self.ratings())
        )

    def test_save_load_round_trip(self, tmp_path: Any) -> None:
        """A loaded model answers exactly as the one that was saved."""
        for dtype in (np.float32, np.float64):
            model, path = self.fitted(dtype), tmp_path / "model.safetensors"
            eckart.save(model, path)
            loaded = eckart.load(path)
            assert repr(loaded) == repr(model)
            assert np.array_equal(loaded.predict(self.ratings()), model.predict(self.ratings()))
            mine, theirs = model.recommend(k=5), loaded.recommend(k=5)
            assert (mine.items == theirs.items).all()
            assert np.array_equal(mine.scores, theirs.scores)

    def test_saved_without_interactions(self, tmp_path: Any) -> None:
        """A file without the history still predicts, and says why it cannot leave out what was seen."""
        import pytest

        model, path = self.fitted(), tmp_path / "model.safetensors"
        eckart.save(model, path, interactions=False)
        loaded = eckart.load(path)
        if self.users_are_rows:
            with pytest.raises(eckart.EckartError, match="interactions=False"):
                loaded.predict(self.ratings())
            return
        assert np.array_equal(loaded.predict(self.ratings()), model.predict(self.ratings()))
        assert len(loaded.recommend(100, k=3, exclude_seen=False)) == 1
        with pytest.raises(eckart.EckartError, match="interactions=False"):
            loaded.recommend(100, k=3)

    def test_recommendations_are_the_best_unseen(self) -> None:
        """The list is what sorting all predictions by hand gives (scores of one user rank alike)."""
        model, ratings = self.fitted(), self.ratings()
        found = model.recommend(k=6)
        seen = ratings.by_user
        for row, codes in enumerate(model.items_.encode(list(r)) for r in found.items.filled("").tolist()):
            assert not set(codes) & set(seen.row(row)[0])
            assert len(set(codes)) == 6
            assert (np.diff(found.scores[row]) <= 0).all()

    def test_seen_items_can_be_kept(self) -> None:
        """exclude_seen=False ranks the whole catalogue: asking for all of it returns every item once."""
        model = self.fitted()
        found = model.recommend(107, k=model.items_.ids().size, exclude_seen=False)
        assert sorted(found.items[0]) == sorted(model.items_.ids())

    def test_padding_is_masked(self) -> None:
        """Fewer than k recommendable items: a shorter list, and no invented id behind the mask."""
        model, n_items = self.fitted(), self.ratings().n_items
        found = model.recommend(100, k=n_items + 5)
        unseen = n_items - len(self.ratings().by_user.row(0)[0])
        assert found.mask.shape == (1, n_items + 5)
        assert (~found.mask).sum() == unseen
        assert set(found.items.data[0][found.mask[0]]) == {None}
        assert len(next(iter(found))) == unseen

    def test_candidates(self) -> None:
        """A shop asks only among what is in stock."""
        model = self.fitted()
        stock = ["item-03", "item-17", "item-30"]
        found = model.recommend([100, 107], k=3, exclude_seen=False, candidates=stock)
        whole = model.recommend([100, 107], k=40, exclude_seen=False)
        for row in range(2):
            assert list(found.items[row]) == [i for i in whole.items[row] if i in stock]

    def test_new_users_are_served_from_their_ratings(self) -> None:
        """Somebody who comes after training gets the list that training with their ratings gives them."""
        model, ratings = self.fitted(np.float64), self.ratings(np.float64)
        known, new = model.recommend(k=6), model.recommend_new(ratings, k=6)
        np.testing.assert_allclose(new.scores, known.scores, rtol=1e-4)
        seen = model.recommend_new(ratings, k=ratings.n_items, exclude_seen=False)
        assert not seen.mask.any()

    def test_candidates_of_each_user(self) -> None:
        """A re-ranker asks only among what a first stage found for each user: same scores, same order."""
        model, users = self.fitted(), [100, 107, 114]
        names = model.items_.ids()
        lists = [names[:9].tolist(), names[[30, 2, 2, 17]].tolist(), []]
        whole = model.recommend(users, k=40, exclude_seen=False)
        scores = [dict(zip(*row, strict=True)) for row in zip(whole.items, whole.scores, strict=True)]
        for candidates in (lists, dict(zip(users, lists, strict=True))):
            found = model.recommend(users, k=10, exclude_seen=False, candidates=candidates)
            for row, items in enumerate(lists):
                got = found.items[row].compressed()
                want = [i for i in whole.items[row] if i in items]
                # Scores may differ in their last bits, so what is tied may change places.
                np.testing.assert_allclose(
                    [scores[row][i] for i in got], [scores[row][i] for i in want], rtol=1e-5, atol=1e-6
                )
                assert sorted(got) == sorted(want)
                np.testing.assert_allclose(
                    found.scores[row].compressed(), [scores[row][i] for i in got], rtol=1e-5, atol=1e-6
                )
        unseen = model.recommend(users, k=10, candidates=lists)
        seen = self.ratings().by_user
        for row, codes in enumerate(model.items_.encode(i.compressed().tolist()) for i in unseen.items):
            assert not set(codes) & set(seen.row(row)[0])

    def test_blocked_items(self) -> None:
        """What is out of stock appears in no list, however candidates are given."""
        model = self.fitted()
        blocked = ["item-03", "item-17"]
        stock = ["item-03", "item-05", "item-30"]
        whole = model.recommend([100, 107], k=40, exclude_seen=False)
        for candidates, size in ((None, 38), (stock, 2), ([stock, stock], 2)):
            found = model.recommend(
                [100, 107], k=40, exclude_seen=False, candidates=candidates, exclude=blocked
            )
            for row in range(2):
                got = found.items[row].compressed().tolist()
                assert len(got) == size
                assert not set(got) & set(blocked)
            if candidates is None:
                assert got == [i for i in whole.items[1] if i not in blocked]
        nothing = model.recommend(100, k=3, candidates=blocked, exclude=blocked)
        assert nothing.mask.all()

    def test_unknown_ids(self) -> None:
        """predict falls back on what is known, never NaN; recommend names the id in a KeyError."""
        import pytest

        model = self.fitted()
        values = model.predict([100, -1, -1], ["no such item", "item-00", "no such item"])
        assert np.isfinite(values).all()
        with pytest.raises(KeyError, match="-1"):
            model.recommend([100, -1])
        with pytest.raises(KeyError, match="no such item"):
            model.recommend(100, candidates=["no such item"])
        with pytest.raises(KeyError, match="no such item"):
            model.recommend(100, candidates=[["item-00", "no such item"]])
        with pytest.raises(KeyError, match="no such item"):
            model.recommend(100, exclude="no such item")

    def test_bad_data(self) -> None:
        """Empty, infinite or foreign data are refused with a message, before any work."""
        import pytest

        model = copy.deepcopy(self.model)
        with pytest.raises(ValueError, match="at least one rating"):
            model.fit(np.full((3, 4), np.nan))
        with pytest.raises(ValueError, match="finite"):
            model.fit(np.array([[1.0, np.inf], [2.0, np.nan]]))
        with pytest.raises(TypeError):
            model.fit(object())
        with pytest.raises(ValueError, match="k: expected"):
            self.fitted().recommend(100, k=0)

    def test_clip(self) -> None:
        """Predictions can be bounded to the scale of the ratings."""
        model, ratings = self.fitted(), self.ratings()
        low, high = ratings.scale
        values = model.predict(ratings, clip=True)
        assert values.min() >= low
        assert values.max() <= high

    def test_score_is_minus_rmse(self) -> None:
        """cross_validate maximises `score`."""
        model, ratings = self.fitted(), self.ratings()
        error = model.predict(ratings).astype(np.float64) - ratings.values
        assert np.isclose(model.score(ratings), -np.sqrt(np.mean(error**2)), rtol=1e-12)

    def test_empty_rows_and_columns(self) -> None:
        """A user or an item without ratings is no reason to fail."""
        matrix = np.full((5, 4), np.nan)
        matrix[0, 1], matrix[2, 1], matrix[2, 3], matrix[4, 0] = 4.0, 2.0, 5.0, 3.0
        model = copy.deepcopy(self.model).fit(matrix)
        users, items = np.indices((5, 4)).reshape(2, -1)
        assert np.isfinite(model.predict(users, items)).all()
        assert model.recommend(k=2, exclude_seen=False).items.shape == (5, 2)
