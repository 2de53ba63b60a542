"""How `Ratings` lie in a file: compressed by user, so that a loaded model need not sort them again.

What a recommendation needs is then in the file as it stands: it is checked and used where it is mapped.
The columns by row are put together only when somebody looks at them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.csr import Csr
from eckart.base.errors import EckartError
from eckart.base.state import State
from eckart.base.threads import get_num_threads
from eckart.data import views
from eckart.data.strings import Strings
from eckart.data.vocabulary import Vocabulary


class Stored(NamedTuple):
    """The ratings of a file: `order` is the row of each entry of `rows` (None: its place), `timestamps`
    stand beside the entries."""

    rows: Csr
    order: NDArray[Any] | None
    timestamps: NDArray[np.int64] | None

    def columns(self) -> dict[str, NDArray[Any] | None]:
        """Return user_index, item_index, values and timestamps, row by row."""
        by_row: dict[str, NDArray[Any] | None] = {
            "user_index": np.repeat(np.arange(self.rows.n_rows, dtype=np.int32), self.rows.counts),
            "item_index": self.rows.indices,
            "values": self.rows.values,
            "timestamps": self.timestamps,
        }
        for name, stored in by_row.items():
            column = stored
            if stored is not None and self.order is not None:
                column = np.empty_like(stored)
                column[self.order] = stored
            if column is not None:
                column.flags.writeable = False
            by_row[name] = column
        return by_row


def get_state(ratings: Any, interactions: bool = True) -> State:
    """Return the compressed rows, and `order` where the sequence of the ratings is another one."""
    rows = ratings.by_user
    state = State(
        {"indptr": rows.indptr, "indices": rows.indices, "values": rows.values},
        {"counted": ratings.counted},
    )
    timestamps = ratings.timestamps
    if views.in_order(ratings) is None:
        order = ratings.by_user_order
        state.arrays["order"] = order
        timestamps = None if timestamps is None else timestamps[order]
    if timestamps is not None:
        state.arrays["timestamps"] = timestamps
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
    stored = _stored(state, len(users), len(items))
    ratings = cls.__new__(cls)
    vars(ratings).update(
        users=users,
        items=items,
        titles=titles,
        counted=state.meta.get("counted") is True,
        _n=len(stored.rows.indices),
        _cache={"by_user": stored.rows},
        _stored=stored,
    )
    return ratings


def _stored(state: State, n_users: int, n_items: int) -> Stored:
    threads = get_num_threads()
    indices = state.array("indices", shape=(None,), dtype=np.int32)
    n = len(indices)
    indptr = state.array("indptr", shape=(n_users + 1,), dtype=np.int64)
    values = state.array("values", shape=(n,), dtype=(np.float32, np.float64))
    row = _native.data.first_bad_row(indptr, indices, n_items, threads=threads)
    if row >= 0:
        raise EckartError(f"damaged file: the ratings of user code {row} are not a compressed row")
    place = _native.data.first_not_finite(values, threads=threads)
    if place >= 0:
        raise EckartError(f"damaged file: values: expected finite numbers, got {values[place]}")
    order = timestamps = None
    if "order" in state.arrays:
        order = state.array("order", shape=(n,), dtype=(np.int32, np.int64))
        if not _native.data.is_permutation(order, threads=threads):
            raise EckartError("damaged file: the order of the ratings is not a permutation")
    if "timestamps" in state.arrays:
        timestamps = state.array("timestamps", shape=(n,), dtype=np.int64)
    return Stored(Csr(indptr, indices, values, n_items), order, timestamps)
