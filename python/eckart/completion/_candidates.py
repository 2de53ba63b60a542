"""Which items may be recommended: to everyone, or to each user."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.data.vocabulary import Vocabulary

Codes = NDArray[np.int32]


def known_codes(vocabulary: Vocabulary, ids: Any, what: str) -> Codes:
    """Encode one id or several; KeyError names the first that is unknown."""
    wanted = [ids] if isinstance(ids, str) or np.ndim(ids) == 0 else ids
    codes = vocabulary.encode(wanted)
    if (codes < 0).any():
        raise KeyError(f"unknown {what}: {np.asarray(wanted)[codes < 0].tolist()[0]!r}")
    return codes


def allowed(candidates: Any, items: Vocabulary, exclude: Any) -> Codes | None:
    """Return the codes, rising, of the only items that anyone may see; None: the whole catalogue."""
    codes = None if candidates is None else np.unique(known_codes(items, candidates, "candidate item"))
    if exclude is None:
        return codes
    codes = np.arange(len(items), dtype=np.int32) if codes is None else codes
    return codes[~_blocked(items, exclude)[codes]]


def is_per_user(candidates: Any) -> bool:
    """Tell lists of ids, one a user, from one list for all."""
    if isinstance(candidates, Mapping):
        return True
    if isinstance(candidates, np.ndarray):
        return candidates.ndim == 2
    first = candidates[0] if isinstance(candidates, list | tuple) and candidates else None
    return isinstance(first, list | tuple | set | frozenset | np.ndarray)


def candidate_rows(
    candidates: Any, users: Codes, known_users: Vocabulary, items: Vocabulary, exclude: Any
) -> Csr:
    """Return each user's own candidates as a pattern (n_users, n_items), each item once, codes rising.

    candidates : a mapping from user id to item ids, or item ids of one user after another

    Raises KeyError for an unknown item or a user without an entry, ValueError for a wrong number of lists.
    """
    lists = _lists(candidates, users, known_users)
    counts = np.array([len(part) for part in lists], dtype=np.int64)
    ids = candidates.ravel() if isinstance(candidates, np.ndarray) else [i for part in lists for i in part]
    codes = known_codes(items, ids, "candidate item") if len(ids) else np.empty(0, np.int32)
    row = np.repeat(np.arange(len(users), dtype=np.int64), counts)
    if exclude is not None:
        keep = ~_blocked(items, exclude)[codes]
        row, codes = row[keep], codes[keep]
    places = np.unique(row * len(items) + codes)  # each pair once, by row and code
    row, codes = np.divmod(places, max(len(items), 1))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(users)))]).astype(np.int64)
    return Csr(indptr, codes.astype(np.int32), None, len(items))


def _lists(candidates: Any, users: Codes, known_users: Vocabulary) -> Any:
    if isinstance(candidates, Mapping):
        ids = known_users.decode(users).tolist()
        missing = [user for user in ids if user not in candidates]
        if missing:
            raise KeyError(f"candidates: no list for user {missing[0]!r}")
        candidates = [candidates[user] for user in ids]
    if len(candidates) != len(users):
        raise ValueError(f"candidates: expected {len(users)} lists, one a user, got {len(candidates)}")
    for row, part in enumerate(candidates):
        if isinstance(part, str) or not hasattr(part, "__len__"):
            raise ValueError(f"candidates: expected a list of ids for each user, got {part!r} at row {row}")
    return candidates


def _blocked(items: Vocabulary, exclude: Any) -> NDArray[np.bool_]:
    """Return (n_items,), True for an item that nobody is to see."""
    blocked = np.zeros(len(items), dtype=bool)
    blocked[known_codes(items, exclude, "excluded item")] = True
    return blocked
