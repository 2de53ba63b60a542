"""Refitting only the rows that new ratings touch."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.completion._als_sweeps import AlsState, random_side
from eckart.completion._factors import Side
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings

if TYPE_CHECKING:
    from eckart.completion._alternating import AlternatingModel

SWEEPS = 2  # over the grown rows: new users and new items that rated each other need a second look
NEW_ROWS_SEED = 0  # an update gives the same result every time
NEW_ROWS_NORM = 1.0  # from a small start so few sweeps would not leave the saddle at zero


def grown_state(
    model: "AlternatingModel", old: Ratings, merged: Ratings
) -> tuple[AlsState, Normalization | None]:
    """Return the model's state and normalisation for `merged`, whose vocabularies extend those of `old`.

    The model itself is left alone, so that an update that is stopped half-way has changed nothing.

    Rows whose ratings changed are solved exactly in turn (users, items, users, ...), ending on the
    users; the others keep their factors. Each solve lowers the objective.
    """
    normalization, train = model._normalized(merged)
    state = AlsState(_extended(model._user_side, merged.n_users), _extended(model._item_side, merged.n_items))
    users = changed_rows(old.by_user, merged.by_user)
    items = changed_rows(old.by_item, merged.by_item)
    by_user, by_item = model._half("users", train.by_user), model._half("items", train.by_item)
    for _ in range(SWEEPS):
        by_user.solve(state.items, state.users, rows=users)
        by_item.solve(state.users, state.items, rows=items)
    by_user.solve(state.items, state.users, rows=users)
    return state, normalization


def changed_rows(old: Csr, new: Csr) -> NDArray[np.int32]:
    """Return the rows of `new` that `old` lacks or holds with other entries; rows never lose entries."""
    counts = np.zeros(new.n_rows, dtype=np.int64)
    counts[: old.n_rows] = old.counts
    grew = np.flatnonzero(counts != new.counts)
    same = np.flatnonzero(counts[: old.n_rows] == new.counts[: old.n_rows])
    before, after = old.select(same), new.select(same)
    assert before.values is not None
    assert after.values is not None
    differs = (before.indices != after.indices) | (before.values != after.values)
    entry_row = np.repeat(same, before.counts)
    return np.union1d(grew, entry_row[differs]).astype(np.int32)


def _extended(side: Side, n: int) -> Side:
    """Return `side` with starting rows appended, not zeros: a new user who rated only new items, and they
    only that user, would otherwise stay at the saddle where both are zero."""
    n_old = len(side.factors)
    new = random_side(n - n_old, side, NEW_ROWS_SEED, NEW_ROWS_NORM, first_row=n_old)
    biases = None if side.biases is None else np.concatenate([side.biases, new.biases])
    return Side(np.concatenate([side.factors, new.factors]), biases)
