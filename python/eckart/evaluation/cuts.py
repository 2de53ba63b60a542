"""How each protocol cuts the data into folds, to the draw: the same seed gives the same folds anywhere.

Where a protocol was published with code, its folds are those of that code: NumPy's legacy generator, whose
stream is frozen, stands in for the library that drew them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import generator
from eckart.base.validation import check_int, check_option
from eckart.data import splits
from eckart.data.ratings import Ratings
from eckart.evaluation.folds import Fold, csr_of_pairs, is_among, pairs

MAX_SEED = 2**32 - 1  # of the legacy generator


def shuffled_folds(data: Ratings, seed: int, *, n_splits: int) -> Iterator[Fold]:
    """Yield k folds in random order of the rows, those of ``KFold(k, shuffle=True, random_state=seed)`` in
    Surprise and in scikit-learn (they are the same)."""
    if len(data) < n_splits:
        raise ValueError(f"data: expected at least {n_splits} ratings, one a fold, got {len(data)}")
    order = np.arange(len(data))
    _legacy(seed).shuffle(order)
    for rows in np.array_split(order, n_splits):
        in_test = np.zeros(len(data), dtype=bool)
        in_test[rows] = True
        yield Fold(data[~in_test], data[in_test])


def given_folds(
    data: Ratings, seed: int, *, test: Ratings | Sequence[Ratings] | None = None
) -> Iterator[Fold]:
    """Yield one fold for each of the given test parts; all other ratings are for training."""
    parts = [test] if isinstance(test, Ratings) else list(test or ())
    if not parts:
        raise ValueError("test: this protocol has folds of its own, expected them as a list of Ratings")
    for part in parts:
        yield _given(data, part)


def fifth_of_each_user(data: Ratings, seed: int, *, test: Ratings | None = None) -> Iterator[Fold]:
    """Yield the given test part, or a fifth of each user's ratings drawn at random."""
    if test is not None:
        yield _given(data, test)
    else:
        yield Fold(*splits.user_holdout_split(data, test_size=0.2, random_state=seed))


def in_time(
    data: Ratings, seed: int, *, test_size: float | int = 0.1, at: int | None = None
) -> Iterator[Fold]:
    """Yield the past and what came after it: every training rating is earlier than every test rating."""
    yield Fold(*splits.time_split(data, test_size, at=at))


def last_among_sampled(
    data: Ratings,
    seed: int,
    *,
    test: Ratings | None = None,
    negatives: Ratings | None = None,
    n_negatives: int = 99,
) -> Iterator[Fold]:
    """Yield each user's last rating against sampled items that the user never rated.

    test, negatives : the published draw: one test item a user, and (user, item) pairs. None: each user's
        last rating by time, and `n_negatives` items drawn for each.
    """
    if test is not None:
        fold = _given(data, test)
    elif data.timestamps is None:
        raise ValueError(
            "test: expected each user's test item, as the ratings have no timestamps to find the last"
        )
    else:
        fold = Fold(*splits.leave_last_out_split(data))
    train, test = fold.train, fold.test
    several = np.flatnonzero(test.by_user.counts > 1)
    if len(several):
        user = test.users.decode(several[:1]).tolist()[0]
        raise ValueError(f"test: expected one item a user, got {test.by_user.counts[several[0]]} of {user!r}")
    if negatives is None:
        keys = _draw_negatives(train, test, seed, check_int(n_negatives, "n_negatives"))
    else:
        keys = pairs(_in_codes_of(train, negatives, "negatives"))
    positive, in_train = is_among(keys, pairs(test)), is_among(keys, pairs(train))
    candidates = np.concatenate([keys[~in_train], pairs(test)])
    yield Fold(
        train,
        test,
        candidates=csr_of_pairs(candidates, train.n_users, train.n_items),
        left_out={
            "negatives that are the user's own test item, dropped there": int(positive.sum()),
            "negatives that the user has rated in training, dropped": int(in_train.sum()),
        },
    )


def held_out_users(
    data: Ratings, seed: int, *, n_held_out: int | None = None, part: str = "test"
) -> Iterator[Fold]:
    """Yield users whom training never sees, four fifths of each folded in and one fifth to find.

    The cut of Liang et al. to the draw (for ids in sorted order, as readers have them): users with fewer
    than 5 events are left out, `n_held_out` (10,000, or a tenth of fewer than 100,000 users) are for
    testing, as many for validation; items without a training event are left out. `part` says which of the
    two, "test" or "validation" (to choose settings on), is measured; the other is unused.
    """
    check_option(part, "part", ("test", "validation"))
    counts = data.by_user.counts
    users = np.flatnonzero(counts >= 5)
    n = check_int(min(10_000, len(users) // 10) if n_held_out is None else n_held_out, "n_held_out", low=0)
    if not 1 <= n < len(users) / 2:
        raise ValueError(
            f"n_held_out: expected a number in [1, {len(users) / 2:g}[, as {len(users)} users have at least "
            f"5 events, got {n}"
        )
    users = users[_legacy(seed).permutation(len(users))]
    train = data[_is_one_of(data.user_index, users[: -2 * n], data.n_users)]
    chosen = users[-n:] if part == "test" else users[-2 * n : -n]
    held_out = data[_is_one_of(data.user_index, chosen, data.n_users)]
    warm = train.by_item.counts[held_out.item_index] > 0
    rows = held_out[warm]
    order = np.argsort(rows.user_index, kind="stable")
    draw, to_find = _legacy(seed), np.zeros(len(rows), dtype=bool)
    for row in np.split(order, np.flatnonzero(np.diff(rows.user_index[order])) + 1):
        if len(row) >= 5:
            to_find[row[draw.choice(len(row), size=int(0.2 * len(row)), replace=False)]] = True
    left_out = {
        "users with fewer than 5 events": int(((counts > 0) & (counts < 5)).sum()),
        "users kept for " + ("validation" if part == "test" else "the test"): n,
        "held-out events of items without a training event": int((~warm).sum()),
        "held-out users with fewer than 5 events left, so nothing to find": n
        - int((rows[to_find].by_user.counts > 0).sum()),
    }
    yield Fold(train, rows[to_find], known=rows[~to_find], left_out=left_out)


def _given(data: Ratings, test: Ratings) -> Fold:
    """Return `test` and the other ratings of `data`, in vocabularies that know the ids of both."""
    if not isinstance(test, Ratings):
        raise TypeError(f"test: expected Ratings, got {type(test).__name__}")
    if len(test) == 0:
        raise ValueError("test: expected at least one rating, got none")
    if data.users != test.users or data.items != test.items:
        union = data.merged(test)
        data, test = union, _in_codes_of(union, test, "test")
    return Fold(data[~is_among(pairs(data), pairs(test))], test)


def _in_codes_of(data: Ratings, other: Ratings, name: str) -> Ratings:
    """Return `other` in the vocabularies of `data`; ValueError names the first id that it lacks."""
    if not isinstance(other, Ratings):
        raise TypeError(f"{name}: expected Ratings, got {type(other).__name__}")
    codes: dict[str, NDArray[Any]] = {}
    for side, index in (("users", other.user_index), ("items", other.item_index)):
        own, known = getattr(other, side), getattr(data, side)
        codes[side] = own.codes_in(known)[index]
        if (codes[side] < 0).any():
            missing = own.decode(index[codes[side] < 0][:1]).tolist()[0]
            raise ValueError(f"{name}: expected {side} that the ratings have, got {missing!r}")
    return other._replaced(
        user_index=codes["users"], item_index=codes["items"], users=data.users, items=data.items, titles=None
    )


def _draw_negatives(train: Ratings, test: Ratings, seed: int, n: int) -> NDArray[np.int64]:
    """Return pairs of `n` items for each test user that are in neither part (all there are, where fewer)."""
    draw, found = generator(seed), [np.zeros(0, dtype=np.int64)]
    rated = csr_of_pairs(np.concatenate([pairs(train), pairs(test)]), train.n_users, train.n_items)
    for user in np.flatnonzero(test.by_user.counts):
        row = rated.row(user)[0]
        n_free = train.n_items - len(row)
        places = draw.choice(n_free, min(n, n_free), replace=False, shuffle=False)
        # The p-th unrated item is p plus the number of rated ones before it.
        items = places + np.searchsorted(row - np.arange(len(row)), places, side="right")
        found.append(user * train.n_items + items)
    return np.concatenate(found)


def _is_one_of(codes: NDArray[np.int32], chosen: NDArray[Any], n: int) -> NDArray[np.bool_]:
    mask = np.zeros(n, dtype=bool)
    mask[chosen] = True
    return mask[codes]


def _legacy(seed: int) -> np.random.RandomState:
    return np.random.RandomState(check_int(seed, "seed", low=0, high=MAX_SEED))
