"""A fold: ratings to learn from and ratings to be judged on, with all that a protocol fixes beside them."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.data.ratings import Ratings


@dataclass(frozen=True, eq=False)
class Fold:
    """One cut of the data; all parts share the vocabularies of users and items.

    known : what is known of users held out from `train`: they are folded in, not trained
    candidates : users × items, the only items that each test user's list is drawn from (sampled metrics)
    left_out : what the protocol does not measure, each with how many: nothing goes in silence
    """

    train: Ratings
    test: Ratings
    known: Ratings | None = None
    candidates: Csr | None = None
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def seen(self) -> Ratings:
        """What lists leave out: the ratings that are known of the test users."""
        return self.train if self.known is None else self.known

    def counts(self) -> dict[str, int]:
        """Return how much is measured, and how much of it nothing was known of."""
        counts = counts_of(self.train, self.test, self.seen)
        return counts if self.known is None else counts | {"known_ratings": len(self.known)}

    def update_hash(self, digest: "hashlib._Hash") -> None:
        """Add all that decides the numbers to `digest`."""
        for part in (self.train, self.test, self.known):
            digest.update(b"-" if part is None else part.data_hash.encode())
        if self.candidates is not None:
            digest.update(np.ascontiguousarray(self.candidates.indptr))
            digest.update(np.ascontiguousarray(self.candidates.indices))


def counts_of(train: Ratings, test: Ratings, seen: Ratings) -> dict[str, int]:
    """Return how much of `test` is measured, and how much of it is cold: users without a rating in `seen`,
    items without one in `train`."""
    users, items = test.by_user.counts > 0, test.by_item.counts > 0
    cold_users, cold_items = seen.by_user.counts == 0, train.by_item.counts == 0
    return {
        "train_ratings": len(train),
        "test_ratings": len(test),
        "test_users": int(users.sum()),
        "test_items": int(items.sum()),
        "cold_users": int((users & cold_users).sum()),
        "cold_items": int((items & cold_items).sum()),
        "cold_ratings": int((cold_users[test.user_index] | cold_items[test.item_index]).sum()),
    }


def relevant_entries(ratings: Csr, relevant_from: float | None) -> Csr:
    """Return the pattern of the ratings of at least `relevant_from` (None: of all)."""
    if relevant_from is None or ratings.values is None:
        return ratings.pattern
    keep = ratings.values >= relevant_from
    kept_before = np.concatenate([[0], np.cumsum(keep, dtype=np.int64)])
    return Csr(kept_before[ratings.indptr], ratings.indices[keep], None, ratings.n_cols)


def pairs(ratings: Ratings) -> NDArray[np.int64]:
    """Return one number a (user, item) pair, (n,)."""
    return ratings.user_index.astype(np.int64) * ratings.n_items + ratings.item_index


def is_among(keys: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of each pair whether it is one of the others: np.isin, much faster where both go by user."""
    if len(others) == 0:
        return np.zeros(len(keys), dtype=bool)
    others = np.sort(others)
    places = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    return others[places] == keys


def csr_of_pairs(keys: NDArray[np.int64], n_users: int, n_items: int) -> Csr:
    """Return the pattern of :func:`pairs`, each once."""
    keys = np.sort(keys)  # several times as fast as np.unique
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys
    users, items = np.divmod(keys, max(n_items, 1))
    indptr = np.zeros(n_users + 1, dtype=np.int64)
    np.cumsum(np.bincount(users, minlength=n_users), out=indptr[1:])
    return Csr(indptr, items.astype(np.int32), None, n_items)
