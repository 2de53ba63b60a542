"""Re-ranking for diversity: lists that are good and whose items are not all alike."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.validation import check_float, check_int
from eckart.completion.recommendations import Recommendations, from_codes

if TYPE_CHECKING:
    from eckart.completion._model import CompletionModel

_BATCH_NUMBERS = 1 << 22  # similarities held at a time


def rerank(
    found: Recommendations, model: "CompletionModel", k: int = 10, *, diversity: float = 0.3
) -> Recommendations:
    """Choose k items of each list that are good and unlike each other: maximal marginal relevance.

    Items are taken one after the other, each time the one with the greatest
    ``(1 - diversity) relevance_i - diversity max_j similarity_ij`` over the items j that were taken
    (Carbonell and Goldstein 1998, eq. 1). Relevance is the score, scaled to [0, 1] within its list;
    similarity is the cosine of factors, the weight of a neighbour, or for EASE the partial correlation.

    found : longer lists to choose from, such as ``model.recommend(k=100)``
    model : the fitted model with item similarities (any with factors, ItemKNN, EASE); it must know the items
    diversity : 0 keeps the order, 1 looks at similarity alone (after the first item)

    Returns lists of at most k items in the order of choice, with the scores that they had. Ties go to the
    better rank. Raises KeyError for an item that `model` does not know, TypeError for a model without
    similarities.
    """
    k, diversity = check_int(k, "k"), check_float(diversity, "diversity", high=1.0)
    mask = found.mask
    n, m = mask.shape
    codes = np.zeros((n, m), dtype=np.int32)
    codes[~mask] = model._item_codes(found.items.data[~mask])
    scores = np.where(mask, -np.inf, found.scores.data)
    places = np.full((n, k), -1, dtype=np.int64)
    batch = max(1, _BATCH_NUMBERS // max(m * m, 1))
    for start in range(0, n, batch):
        part = slice(start, start + batch)
        similar = model._item_similarities(codes[part])
        places[part, : min(k, m)] = marginal_relevance(scores[part], similar, min(k, m), diversity)
    taken = np.maximum(places, 0)
    if m == 0:
        return from_codes(found.users, places.astype(np.int32), places * 1.0, model.items_, None)
    chosen = np.where(places < 0, -1, np.take_along_axis(codes, taken, 1)).astype(np.int32)
    kept = np.where(places < 0, -np.inf, np.take_along_axis(scores, taken, 1)).astype(scores.dtype)
    return from_codes(found.users, chosen, kept, model.items_, model.item_titles_)


def marginal_relevance(
    scores: NDArray[Any], similar: NDArray[Any], k: int, diversity: float
) -> NDArray[np.int64]:
    """Return the (n, k) places of the items taken from each list, in order; -1 where a list has ended.

    scores (n, m), -inf for padding; similar (n, m, m)
    """
    n, m = scores.shape
    lists = np.arange(n)
    value = (1 - diversity) * _relevance(scores)
    nearest = np.full((n, m), -np.inf)  # to any item that was taken
    left = np.isfinite(scores)
    places = np.full((n, k), -1, dtype=np.int64)
    for step in range(k):
        penalty = diversity * nearest if step and diversity > 0 else 0.0
        marginal = np.where(left, value - penalty, -np.inf)
        best = marginal.argmax(axis=1)
        found = left[lists, best]
        places[found, step] = best[found]
        left[lists, best] = False
        nearest = np.maximum(nearest, similar[lists, best])
    return places


def _relevance(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Return each list's scores scaled to [0, 1]; equal scores are all 1."""
    finite = np.isfinite(scores)
    low = np.where(finite, scores, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    high = np.where(finite, scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    span = np.where(high > low, high - low, 1.0)
    return np.where(finite, 1 - (np.where(finite, high, 0) - np.where(finite, scores, 0)) / span, 0.0)
