"""What every completion model shares: ids, predictions, scores, recommendations, files.

A model works in codes (row and column numbers); this base translates to and from the caller's ids.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.errors import EckartError
from eckart.base.estimator import Estimator
from eckart.base.state import State, finite
from eckart.base.validation import check_int
from eckart.completion._candidates import Codes, allowed, candidate_rows, is_per_user, known_codes
from eckart.completion.recommendations import Recommendations, from_codes
from eckart.data.convert import as_ratings, id_columns, is_matrix
from eckart.data.ratings import Ratings
from eckart.data.vocabulary import Vocabulary
from eckart.linalg.topk import top_k_of_rows

Self = TypeVar("Self", bound="CompletionModel")


class CompletionModel(Estimator):
    """Base of the completion models.

    A subclass sets the learned attributes in `fit` (through :meth:`_set_data`) and implements
    ``_predict_codes`` and ``_recommend_codes``.

    Attributes after `fit`: ``users_`` and ``items_`` (vocabularies), ``item_titles_``,
    ``interactions_`` (the training ratings, None if loaded from a file without them),
    ``rating_scale_`` (least and greatest training rating).
    """

    SCORE = ("rmse", -1.0)  # what `score` returns: the name of a metric, and its sign there
    predicts_ratings = True  # on the scale of the ratings; a model that only ranks has no error

    users_: Vocabulary
    items_: Vocabulary
    item_titles_: NDArray[Any] | None
    interactions_: Ratings | None
    rating_scale_: tuple[float, float]

    # -- what a model implements -------------------------------------------------------------------

    def _predict_codes(self, users: Codes, items: Codes) -> NDArray[Any]:
        """Predict pairs of codes; -1 is an id that training has not seen."""
        raise NotImplementedError

    def _recommend_codes(
        self, users: Codes, k: int, exclude: Csr | None, candidates: Codes | None = None
    ) -> tuple[Codes, NDArray[Any]]:
        """Return (item codes, scores), each (n, k), best first, -1 as padding.

        `exclude` has one row a user; `candidates` are the only items allowed, rising.
        """
        raise NotImplementedError

    def _recommend_rows(self, rows: Ratings, k: int, exclude: Csr | None) -> tuple[Codes, NDArray[Any]]:
        """Return what ``_recommend_codes`` does, for the new users of `rows` (items in the model's codes)."""
        raise NotImplementedError

    def _score_pairs(self, users: Codes, items: Codes) -> NDArray[Any]:
        """Score pairs of known codes as `_recommend_codes` would."""
        return self._predict_codes(users, items)

    @property
    def _dtype(self) -> Any:
        """The float type that new ratings are read in."""
        return np.float32 if self.interactions_ is None else self.interactions_.dtype

    # -- fitting -----------------------------------------------------------------------------------

    def _as_training(self, X: Any, y: Any) -> Ratings:
        """Return what `fit` was given as ratings. `y` beside a matrix means nothing, as in scikit-learn."""
        ratings = as_ratings(X, None if is_matrix(X, y) else y)
        if is_matrix(X, y) and ratings.n_items == 0:
            shape = (ratings.n_users, 0)
            raise ValueError(f"X: 0 feature(s) (shape={shape}) while a minimum of 1 is required, one an item")
        if len(ratings) == 0:
            raise ValueError(f"X: expected at least one rating, got none in {ratings!r}")
        return ratings

    def _set_data(self, ratings: Ratings, scale: tuple[float, float] | None = None) -> None:
        """Take over the training ratings; `scale` is theirs where it is known already."""
        self.users_, self.items_ = ratings.users, ratings.items
        self.item_titles_ = ratings.item_titles
        self.interactions_ = ratings
        self.rating_scale_ = ratings.scale if scale is None else scale

    def _set_features(self, X: Any, y: Any = None) -> None:
        """Set scikit-learn's attributes for matrix input, which alone has features."""
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
        if is_matrix(X, y):
            self.n_features_in_ = len(self.items_)
            names = list(getattr(X, "columns", []))
            if names and all(isinstance(name, str) for name in names):
                self.feature_names_in_ = np.asarray(names, dtype=object)

    # -- predictions -------------------------------------------------------------------------------

    def predict(self, X: Any, items: Any = None, *, clip: bool = False) -> NDArray[Any]:
        """Predict ratings: ``predict(users, items)`` for ids, or ``predict(X)``.

        X : Ratings, a frame with id columns, an (n, 2) array of pairs, or a matrix (its observed
            entries are predicted, row by row)
        clip : bound predictions to the scale of the training ratings

        Returns (n,) predictions, in the order of the pairs. An id that training has not seen
        contributes nothing: what remains is the other side's bias and the mean, never NaN.
        """
        self._check_fitted()
        codes = self._codes_of(X) if items is None else self._pair_codes(X, items)
        values = self._predict_codes(*codes)
        return np.clip(values, *self.rating_scale_) if clip else values

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the root mean squared error on the ratings of `X` (or pairs `X` and values `y`)."""
        self._check_fitted()
        y = None if is_matrix(X, y) else y  # beside a matrix it means nothing, as in `fit`
        ratings = as_ratings(X, y)
        if len(ratings) == 0:
            raise ValueError("X: expected at least one rating to score, got none")
        error = self._predict_codes(*self._codes_of(ratings, is_matrix(X, y))) - ratings.values
        return -float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))

    def _pair_codes(self, users: Any, items: Any) -> tuple[Codes, Codes]:
        sides = []
        for ids, vocabulary, name in ((users, self.users_, "users"), (items, self.items_, "items")):
            if not isinstance(ids, str) and np.ndim(ids) > 1:
                raise ValueError(f"{name}: expected an id or a vector of ids, got shape {np.shape(ids)}")
            sides.append(vocabulary.encode([ids] if isinstance(ids, str) or np.ndim(ids) == 0 else ids))
        if len(sides[0]) != len(sides[1]) and 1 not in map(len, sides):
            raise ValueError(f"items: expected {len(sides[0])} ids as users has, got {len(sides[1])}")
        user_codes, item_codes = np.broadcast_arrays(*sides)
        return user_codes, item_codes

    def _codes_of(self, X: Any, matrix: bool = False) -> tuple[Codes, Codes]:
        """Return the codes of every pair of `X`, -1 for what training has not seen.

        matrix : `X` are the ratings of a matrix, whose rows and columns are codes already
        """
        if isinstance(X, Ratings):
            if matrix:
                self._check_width(X.n_items)
                return np.where(X.user_index < len(self.users_), X.user_index, -1), X.item_index
            users = translate(X.users, self.users_, X.user_index)
            return users, translate(X.items, self.items_, X.item_index)
        pairs = np.asarray(X) if isinstance(X, list | tuple | np.ndarray) else None
        if pairs is not None and pairs.ndim == 2 and pairs.shape[1] == 2:
            return self.users_.encode(pairs[:, 0]), self.items_.encode(pairs[:, 1])
        columns = id_columns(X)
        if columns is not None:
            return self.users_.encode(columns[0]), self.items_.encode(columns[1])
        return self._codes_of(as_ratings(X), is_matrix(X))

    def _check_width(self, n_columns: int) -> None:
        """ValueError unless a matrix has a column an item."""
        if n_columns != len(self.items_):
            raise ValueError(
                f"X has {n_columns} features, but {type(self).__name__} is expecting "
                f"{len(self.items_)} features as input"
            )

    def _rows_of(self, X: Any) -> Ratings:
        """Return ratings by new users, their items in the model's codes. KeyError for an unknown item."""
        rows = as_ratings(X, dtype=self._dtype)
        if is_matrix(X):
            self._check_width(rows.n_items)
            return rows._replaced(items=self.items_, titles=None)
        index = in_codes_of(self.items_, rows.items, rows.item_index, "item")
        return rows._replaced(item_index=index, items=self.items_, titles=None)

    # -- recommendations ---------------------------------------------------------------------------

    def recommend(
        self,
        users: Any = None,
        k: int = 10,
        exclude_seen: bool = True,
        candidates: Any = None,
        exclude: Any = None,
    ) -> Recommendations:
        """Return the k best items of each user.

        users : one id, a sequence of ids, or None for all users
        exclude_seen : leave out what the user has rated in training
        candidates : the only items to choose from; None is the whole catalogue. Ids: the same for all
            users. A mapping from user id to item ids, a list of lists, or an array (n_users, m):
            each user's own, in the order of `users`; only those pairs are scored
        exclude : ids of items that nobody is to see (out of stock, blocked)

        Raises KeyError for an id that training has not seen, ValueError for k < 1 or lists that are not
        one a user, EckartError when `exclude_seen` needs training ratings that a file was saved without.
        """
        self._check_fitted()
        k = check_int(k, "k")
        codes = self._user_codes(users)
        seen = self._seen("exclude_seen=True").by_user.pattern.select(codes) if exclude_seen else None
        if is_per_user(candidates):
            rows = candidate_rows(candidates, codes, self.users_, self.items_, exclude)
            scores = np.ascontiguousarray(self._score_pairs(np.repeat(codes, rows.counts), rows.indices))
            found = top_k_of_rows(Csr(rows.indptr, rows.indices, scores, rows.n_cols), k, seen)
        else:
            found = self._recommend_codes(codes, k, seen, allowed(candidates, self.items_, exclude))
        return from_codes(self.users_.decode(codes), *found, self.items_, self.item_titles_)

    def recommend_new(self, ratings: Any, k: int = 10, exclude_seen: bool = True) -> Recommendations:
        """Recommend to users that training has not seen, from their ratings.

        ratings : anything `fit` takes; its users are the rows of the answer

        Raises KeyError for an item that training has not seen, ValueError for k < 1.
        """
        self._check_fitted()
        rows = self._rows_of(ratings)
        found = self._recommend_rows(rows, check_int(k, "k"), rows.by_user.pattern if exclude_seen else None)
        users = rows.users.decode(np.arange(rows.n_users))
        return from_codes(users, *found, self.items_, self.item_titles_)

    def _user_codes(self, users: Any) -> Codes:
        if users is None:
            return np.arange(len(self.users_), dtype=np.int32)
        return known_codes(self.users_, users, "user")

    def _item_codes(self, ids: Any) -> Codes:
        return known_codes(self.items_, ids, "item")

    def _item_similarities(self, codes: Codes) -> NDArray[Any]:
        """Return how alike the items within each row of `codes` (n, m) are: (n, m, m), symmetric."""
        raise TypeError(f"model: {type(self).__name__} knows nothing of how alike items are")

    def _seen(self, what: str) -> Ratings:
        if self.interactions_ is None:
            raise EckartError(
                f"{what} needs the training ratings, but this model was saved with interactions=False"
            )
        return self.interactions_

    # -- scikit-learn ------------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: matrices may be sparse, and NaN is a missing rating."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        return tags

    # -- files -------------------------------------------------------------------------------------

    def _get_state(self, interactions: bool) -> State:
        """Return the parameters, vocabularies and, if asked for, the training ratings."""
        self._check_fitted()
        params = {name: _plain(value) for name, value in self.get_params().items()}
        seed = params.pop("random_state", None)
        state = State(meta={"params": params, "random_state": seed if isinstance(seed, int) else None})
        state.meta["rating_scale"] = list(self.rating_scale_)
        if self.interactions_ is not None:
            state.meta["data_hash"] = self.interactions_.data_hash
        if interactions and self.interactions_ is not None:
            state.put("interactions", self.interactions_._get_state(True))
        else:
            state.put("users", self.users_._get_state(True))
            state.put("items", self.items_._get_state(True))
        return state

    @classmethod
    def _from_state(cls: type[Self], state: State) -> Self:
        params = {name: tuple(v) if isinstance(v, list) else v for name, v in state.meta["params"].items()}
        unknown = set(params) - set(cls._param_names())
        if unknown:
            raise EckartError(f"damaged file: unknown parameters {sorted(unknown)}")
        model = cls(**params)
        if "random_state" in cls._param_names():
            model.set_params(random_state=state.meta["random_state"])
        low, high = (finite(value, "rating_scale") for value in state.meta["rating_scale"])
        if state.has("interactions"):
            model._set_data(Ratings._from_state(state.sub("interactions")), (low, high))
        else:
            model.users_ = Vocabulary._from_state(state.sub("users"))
            model.items_ = Vocabulary._from_state(state.sub("items"))
            model.item_titles_ = None
            model.interactions_ = None
        model.rating_scale_ = (low, high)
        return model


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it: grid searches hand in NumPy scalars."""
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def translate(source: Vocabulary, target: Vocabulary, codes: Codes) -> Codes:
    """Return `codes` of one vocabulary as codes of another, -1 where the id is unknown there."""
    return codes if source == target else source.codes_in(target)[codes]


def in_codes_of(known: Vocabulary, own: Vocabulary, codes: Codes, what: str) -> Codes:
    """Translate, but KeyError names the first id that is unknown."""
    translated = translate(own, known, codes)
    if (translated < 0).any():
        raise KeyError(f"unknown {what}: {own.decode(codes[translated < 0][:1])[0]!r}")
    return translated
