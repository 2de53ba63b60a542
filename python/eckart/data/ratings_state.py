"""How `Ratings` lie in a file: compressed by user, so that a loaded model need not sort them again."""

from typing import Any

import numpy as np

from eckart import _native
from eckart.base.csr import Csr
from eckart.base.errors import EckartError
from eckart.base.state import State
from eckart.base.threads import get_num_threads
from eckart.data.strings import Strings
from eckart.data.vocabulary import Vocabulary


def get_state(ratings: Any, interactions: bool = True) -> State:
    """Return the compressed rows, and `order` where the sequence of the ratings is another one."""
    rows, order = ratings.by_user, ratings.by_user_order
    state = State(
        {"indptr": rows.indptr, "indices": rows.indices, "values": rows.values},
        {"counted": ratings.counted},
    )
    if not np.array_equal(order, np.arange(len(order))):
        state.arrays["order"] = order
    if ratings.timestamps is not None:
        state.arrays["timestamps"] = ratings.timestamps[order]
    state.put("users", ratings.users._get_state())
    state.put("items", ratings.items._get_state())
    if ratings.titles is not None:
        state.put("titles", ratings.titles._get_state())
    return state


def from_state(cls: Any, state: State) -> Any:
    """Rebuild; EckartError unless every pointer, code, value and place is what it may be."""
    users = Vocabulary._from_state(state.sub("users"))
    items = Vocabulary._from_state(state.sub("items"))
    titles = Strings._from_state(state.sub("titles"), len(items), "titles") if state.has("titles") else None
    indices = state.array("indices", shape=(None,), dtype=np.int32)
    n = len(indices)
    indptr = state.array("indptr", shape=(len(users) + 1,), dtype=np.int64)
    values = state.array("values", shape=(n,), dtype=(np.float32, np.float64))
    row = _native.data.first_bad_row(indptr, indices, len(items), threads=get_num_threads())
    if row >= 0:
        raise EckartError(f"damaged file: the ratings of user code {row} are not a compressed row")
    rows = Csr(indptr, indices, values, len(items))
    order = state.array("order", shape=(n,), dtype=np.int64) if "order" in state.arrays else np.arange(n)
    timestamps = None
    if "timestamps" in state.arrays:
        timestamps = state.array("timestamps", shape=(n,), dtype=np.int64)
    user_index = np.repeat(np.arange(len(users), dtype=np.int32), rows.counts)
    if "order" in state.arrays:
        place = _inverse(order)
        user_index, indices, values = user_index[place], indices[place], values[place]
        timestamps = None if timestamps is None else timestamps[place]
    try:
        ratings = cls(
            user_index,
            indices,
            values,
            users,
            items,
            timestamps=timestamps,
            titles=titles,
            counted=state.meta.get("counted") is True,
        )
    except ValueError as error:
        raise EckartError(f"damaged file: {error}") from None
    ratings._cache["user"] = (rows, order, _count_repeated(rows))
    return ratings


def _count_repeated(rows: Csr) -> int:
    same = rows.indices[1:] == rows.indices[:-1]
    borders = rows.indptr[1:-1]
    same[borders[(borders > 0) & (borders < len(rows.indices))] - 1] = False
    return int(np.count_nonzero(same))


def _inverse(order: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    n = len(order)
    place = np.full(n, -1, dtype=np.int64)
    if n and (order.min() < 0 or order.max() >= n):
        raise EckartError("damaged file: the order of the ratings is not a permutation")
    place[order] = np.arange(n)
    if n and place.min() < 0:
        raise EckartError("damaged file: the order of the ratings is not a permutation")
    return place
