"""The protocols' popularity rows in the plainest Python, and data small enough for it.

Nothing here comes from eckart.evaluation or eckart.metrics: folds are drawn by the published recipes, lists
are sorted by hand, and metrics are sums over a loop.
"""

import math

import numpy as np
import pandas as pd

import eckart as ek


def frame(seed=0, n_users=120, n_items=50, n=2500):
    """Return unique (user, item) rows in random order: popular and rare items, ids with gaps, times."""
    rng = np.random.default_rng(seed)
    share = 1 / (1 + np.arange(n_items))
    users = rng.integers(0, n_users, 3 * n)
    items = rng.choice(n_items, 3 * n, p=share / share.sum())
    pairs = pd.DataFrame({"user": 7 + 3 * users, "item": 100 + 2 * items}).drop_duplicates().head(n)
    pairs["rating"] = rng.integers(1, 6, len(pairs)).astype(float)
    pairs["timestamp"] = rng.integers(0, 2000, len(pairs))
    return pairs.reset_index(drop=True)


def ratings_of(table):
    return ek.data.Ratings.from_arrays(
        table.user.to_numpy(), table.item.to_numpy(), table.rating.to_numpy(),
        timestamps=table.timestamp.to_numpy(),
    )  # fmt: skip


def mean_errors(train, test, scale):
    """Return (RMSE, MAE) of the mean rating of the item, of all ratings where the item has none."""
    means, overall = train.groupby("item").rating.mean().to_dict(), train.rating.mean()
    errors = [
        row.rating - min(max(means.get(row.item, overall), scale[0]), scale[1]) for row in test.itertuples()
    ]
    squares = sum(e * e for e in errors) / len(errors)
    return math.sqrt(squares), sum(map(abs, errors)) / len(errors)


def most_popular(train, catalogue, seen, k):
    """Return the k items with the most training rows that are not in `seen`, ties by id."""
    counts = train.item.value_counts().to_dict()
    return sorted(set(catalogue) - set(seen), key=lambda item: (-counts.get(item, 0), item))[:k]


def list_metrics(listed, relevant, k, min_k=False):
    """Return recall, NDCG and hit rate at k of one user."""
    ranks = [rank for rank, item in enumerate(listed[:k], start=1) if item in relevant]
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    return {
        "recall": len(ranks) / (min(k, len(relevant)) if min_k else len(relevant)),
        "ndcg": sum(1 / math.log2(rank + 1) for rank in ranks) / best,
        "hit_rate": float(bool(ranks)),
    }


def mean_list_metrics(train, test, ks, *, known=None, catalogue=None, candidates=None, min_k=False):
    """Return "metric@k" → mean over the test users of Popularity's lists.

    known : what lists leave out (training, unless given); candidates : user → the only items allowed
    """
    seen = (train if known is None else known).groupby("user").item.apply(set).to_dict()
    found = {}
    for user, items in test.groupby("user").item:
        if candidates is None:
            listed = most_popular(train, catalogue, seen.get(user, ()), max(ks))
        else:
            listed = most_popular(train, candidates[user], (), max(ks))
        for k in ks:
            for name, value in list_metrics(listed, set(items), k, min_k).items():
                found.setdefault(f"{name}@{k}", []).append(value)
    return {name: sum(values) / len(values) for name, values in found.items()}


def liang_cut(table, n_held_out, seed=98765):
    """Return (train, known, test) as the notebook of Liang et al. cuts them, line by line."""
    clicks = table[table.rating >= 4]
    activity = clicks.groupby("user").size()
    clicks = clicks[clicks.user.isin(activity.index[activity >= 5])]
    users = np.array(sorted(clicks.user.unique()))
    users = users[np.random.RandomState(seed).permutation(len(users))]
    train = clicks[clicks.user.isin(users[: -2 * n_held_out])]
    held_out = clicks[clicks.user.isin(users[-n_held_out:]) & clicks.item.isin(train.item.unique())]
    draw, known, test = np.random.RandomState(seed), [], []
    for _, group in held_out.groupby("user"):
        chosen = np.zeros(len(group), dtype=bool)
        if len(group) >= 5:
            chosen[draw.choice(len(group), size=int(0.2 * len(group)), replace=False)] = True
        known.append(group[~chosen])
        test.append(group[chosen])
    return train, pd.concat(known), pd.concat(test)
