"""How well a model's lists find held-out feedback: what models for feedback are scored by."""

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.completion._model import Codes, CompletionModel
from eckart.metrics.ranking import ndcg_at_k

K = 10


def held_out_ndcg(model: CompletionModel, users: Codes, items: Codes, liked: NDArray[np.bool_]) -> float:
    """Return the mean NDCG@10 over the users with a held-out item that they like; ValueError without any.

    users, items, liked : (n,) held-out pairs in the model's codes, -1 where training has not seen the id
        (such pairs are left out), and whether the user likes the item. What training has seen stays out of
        the lists unless it is held out.
    """
    known = (users >= 0) & (items >= 0)
    if not (known & liked).any():
        raise ValueError("X: expected positive feedback of known users on known items, got none")
    shape = len(model.users_), len(model.items_)
    relevant = _rows(users[known & liked], items[known & liked], *shape)
    wanted = np.flatnonzero(relevant.counts).astype(np.int32)
    seen = model._seen("score").by_user.pattern.select(wanted)
    held_out = _rows(users[known], items[known], *shape).select(wanted)
    lists, _ = model._recommend_codes(wanted, K, _without(seen, held_out))
    return float(ndcg_at_k(lists, relevant.select(wanted), K).mean())


def _rows(users: Codes, items: Codes, n_users: int, n_items: int) -> Csr:
    """Return the pairs as a pattern; a pair that comes twice stands once."""
    pairs = np.unique(users.astype(np.int64) * n_items + items)
    indptr = np.searchsorted(pairs, np.arange(n_users + 1, dtype=np.int64) * n_items)
    return Csr(indptr.astype(np.int64), (pairs % n_items).astype(np.int32), None, n_items)


def _without(rows: Csr, others: Csr) -> Csr:
    """Return the pattern of `rows` less the entries of `others`, which has the same rows."""
    keys = [
        np.repeat(np.arange(part.n_rows, dtype=np.int64), part.counts) * part.n_cols + part.indices
        for part in (rows, others)
    ]
    keep = ~np.isin(keys[0], keys[1])
    indptr = np.concatenate([[0], np.cumsum(keep)])[rows.indptr].astype(np.int64)
    return Csr(indptr, rows.indices[keep], None, rows.n_cols)
