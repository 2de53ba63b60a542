"""Models whose user is a row of ratings: scores are sums over its items, nothing is learned per user."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.validation import check_int
from eckart.completion._model import Codes, CompletionModel, known_codes
from eckart.completion.explanation import Explanation, explanation_of
from eckart.completion.recommendations import Recommendations, from_codes
from eckart.data.ratings import Ratings
from eckart.linalg.topk import top_k_of_rows


class RowModel(CompletionModel):
    """Base of the models that score a user's own row, so that new users cost nothing.

    A subclass implements ``_weigh``, ``_pair_scores``, ``_rank_rows``, ``_similar`` and ``_influence``.
    Predictions for users of training need their rows: a model that was saved with
    ``interactions=False`` answers :meth:`recommend_new` and :meth:`similar_items` alone.
    """

    # -- what a model implements -------------------------------------------------------------------

    def _weigh(self, rows: Csr) -> tuple[Csr, NDArray[np.float64]]:
        """Return the rows with the values that scores are sums of, and what is added to the scores of each
        row, (n_rows,)."""
        raise NotImplementedError

    def _pair_scores(self, rows: Csr, rows_of: Codes, items: Codes) -> NDArray[Any]:
        """Score pairs of a weighed row and an item; item -1 scores 0."""
        raise NotImplementedError

    def _rank_rows(
        self, rows: Csr, k: int, exclude: Csr | None, candidates: Codes | None
    ) -> tuple[Codes, NDArray[Any]]:
        """Return the (codes, scores) of the k best items of weighed rows."""
        raise NotImplementedError

    def _similar(self, items: Codes) -> Csr:
        """Return the items that are like each of `items`, and how much, one row a query."""
        raise NotImplementedError

    def _influence(self, row: Csr, item: int) -> tuple[float, NDArray[np.float64]]:
        """Return (base, parts) of the score of `item` for one weighed row, a part an entry."""
        raise NotImplementedError

    # -- predictions -------------------------------------------------------------------------------

    def _predict_codes(self, users: Codes, items: Codes) -> NDArray[Any]:
        wanted, rows_of = np.unique(users, return_inverse=True)
        seen = self._seen("predict").by_user
        rows = seen.select(wanted[wanted >= 0])
        if len(wanted) and wanted[0] < 0:  # an unknown user has no ratings
            rows = Csr(np.concatenate([[0], rows.indptr]), rows.indices, rows.values, rows.n_cols)
        rows, offset = self._weigh(rows)
        rows_of = rows_of.astype(np.int32)
        scores = self._pair_scores(rows, rows_of, np.ascontiguousarray(items, dtype=np.int32))
        return (scores + offset[rows_of]).astype(scores.dtype)

    def _recommend_codes(
        self, users: Codes, k: int, exclude: Csr | None, candidates: Codes | None = None
    ) -> tuple[Codes, NDArray[Any]]:
        return self._rank(self._seen("recommend").by_user.select(users), k, exclude, candidates)

    def _rank(
        self, rows: Csr, k: int, exclude: Csr | None, candidates: Codes | None = None
    ) -> tuple[Codes, NDArray[Any]]:
        weighed, offset = self._weigh(rows)
        codes, scores = self._rank_rows(weighed, k, exclude, candidates)
        return codes, (scores + offset[:, None]).astype(scores.dtype)

    def _recommend_rows(self, rows: Ratings, k: int, exclude: Csr | None) -> tuple[Codes, NDArray[Any]]:
        return self._rank(rows.by_user, k, exclude)

    def fold_in(self, rows: Any) -> Any:
        """Return what the model knows of unseen users: their rows, as it weighs them.

        rows : ratings of the model's items, anything `fit` takes

        Returns a scipy.sparse.csr_array (n_rows, n_items). Raises KeyError for an unknown item.
        """
        self._check_fitted()
        return self._weigh(self._rows_of(rows).by_user)[0].to_scipy()

    # -- reasons -----------------------------------------------------------------------------------

    def similar_items(self, items: Any, k: int = 10) -> Recommendations:
        """Return the k items that are most like each of `items`, best first (or fewer).

        Raises KeyError for an unknown id.
        """
        self._check_fitted()
        codes = known_codes(self.items_, items, "item")
        found = top_k_of_rows(self._similar(codes), check_int(k, "k"))
        return from_codes(self.items_.decode(codes), *found, self.items_, self.item_titles_)

    def explain(self, user: Any, item: Any) -> Explanation:
        """Return which of the user's ratings made this score, as parts that add up to it.

        Raises KeyError for an unknown id, EckartError if the file was saved without training ratings.
        """
        self._check_fitted()
        u = int(known_codes(self.users_, user, "user")[0])
        i = int(known_codes(self.items_, item, "item")[0])
        row = self._seen("explain").by_user.select(np.array([u]))
        weighed, offset = self._weigh(row)
        base, parts = self._influence(weighed, i)
        assert row.values is not None
        return explanation_of(self, u, i, float(offset[0]) + base, row.indices, row.values, parts)


def only(
    candidates: Codes | None, n_items: int, bias: NDArray[Any] | None, dtype: Any
) -> NDArray[Any] | None:
    """Return `bias` (n_items,) with -infinity for every item that is no candidate: it then never appears."""
    if candidates is None:
        return bias
    masked = np.full(n_items, -np.inf, dtype=dtype)
    masked[candidates] = 0.0 if bias is None else bias[candidates]
    return masked
