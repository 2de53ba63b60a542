"""How good ImplicitALS's lists are, on the protocol that iALS was published with.

python benchmarks/implicit_quality.py [--choose] [--rank 64 192]

ncf-loo: MovieLens 1M, each user's last item among 99 others; the mean of five seeds. The settings were chosen
on a further item of each user, held out of training; `--choose` does that again, printing every setting.
"""

import argparse
import itertools

import numpy as np
from data import movielens_1m_leave_one_out

import eckart as ek
from eckart.completion import ImplicitALS
from eckart.data import Ratings
from eckart.evaluation import Record, run_protocol

PROTOCOL, SEEDS = "ncf-loo", range(5)
# Chosen with --choose.
SETTINGS = {
    64: {"reg": 0.007, "unobserved_weight": 0.2, "max_iter": 12},
    192: {"reg": 0.007, "unobserved_weight": 0.3, "max_iter": 12},
}
GRID = {
    "reg": (0.002, 0.004, 0.007, 0.012),
    "unobserved_weight": (0.1, 0.2, 0.3, 0.5),
    "max_iter": (12,),
}


def data() -> tuple[Ratings, dict[str, Ratings]]:
    """Return the feedback and what `run_protocol` needs beside it."""
    ratings, test, negatives = movielens_1m_leave_one_out()
    return ratings, {"test": test, "negatives": negatives}


def pair_keys(users: np.ndarray, items: np.ndarray, n_items: int) -> np.ndarray:
    """Return one number a pair."""
    return users.astype(np.int64) * n_items + items


def without_test(ratings: Ratings, parts: dict[str, Ratings]) -> Ratings:
    """Return what is trained on: MovieLens comes with the test items in it."""
    users, items = (
        ratings.users.encode(parts["test"].users.ids()),
        ratings.items.encode(parts["test"].items.ids()),
    )
    n = ratings.n_items
    held = users[parts["test"].user_index].astype(np.int64) * n + items[parts["test"].item_index]
    return ratings[~np.isin(ratings.user_index.astype(np.int64) * n + ratings.item_index, held)]


def validation(train: Ratings, seed: int = 0) -> tuple[Ratings, dict[str, Ratings]]:
    """Return the same protocol within the training data: a random item of each user is to be found."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(train))
    _, first = np.unique(train.user_index[order], return_index=True)
    test = train[np.sort(order[first])]
    drawn = random.integers(train.n_items, size=(train.n_users, 150))
    drawn = pair_keys(np.arange(train.n_users)[:, None], drawn, train.n_items)
    pairs = np.setdiff1d(drawn, pair_keys(train.user_index, train.item_index, train.n_items))
    users, items = pairs // train.n_items, pairs % train.n_items
    shuffled = np.lexsort((random.random(len(pairs)), users))  # pairs rise within a user
    place = np.arange(len(pairs)) - np.searchsorted(users, users)
    chosen = shuffled[place < 99]
    negatives = Ratings(
        users[chosen].astype(np.int32), items[chosen].astype(np.int32), np.ones(len(chosen), np.float32),
        train.users, train.items,
    )  # fmt: skip
    return train, {"test": test, "negatives": negatives}


def show(record: Record) -> None:
    """Print every metric of every model, and the means over the models but Popularity."""
    metrics = list(next(iter(record.estimates.values())))
    rows = {name: [of[metric].mean for metric in metrics] for name, of in record.estimates.items()}
    rows["mean"] = np.mean([row for name, row in rows.items() if name != "Popularity"], axis=0)
    width = max(map(len, rows))
    print(f"{record.protocol:{width}}  {'  '.join(metrics)}")
    for name, row in rows.items():
        print(f"{name:{width}}  {'  '.join(f'{v:{len(m)}.4f}' for m, v in zip(metrics, row, strict=True))}")
    print(flush=True)


def choose(rank: int, ratings: Ratings, parts: dict[str, Ratings]) -> None:
    """Print the validation metrics of every setting of the grid."""
    train, held_out = validation(without_test(ratings, parts))
    models = {}
    for values in itertools.product(*GRID.values()):
        setting = dict(zip(GRID, values, strict=True))
        words = ", ".join(f"{key} {value}" for key, value in setting.items())
        models[f"{rank}: {words}"] = ImplicitALS(rank, tol=0, random_state=0, **setting)
    show(run_protocol(PROTOCOL, models, train, **held_out))


def report(rank: int, ratings: Ratings, parts: dict[str, Ratings]) -> None:
    """Print the metrics of every seed, and their means."""
    setting = SETTINGS[rank]
    models = {
        f"{rank}, seed {seed}": ImplicitALS(rank, tol=0, random_state=seed, **setting) for seed in SEEDS
    }
    print(f"ImplicitALS, rank {rank}, {setting}")
    show(run_protocol(PROTOCOL, models, ratings, **parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--rank", type=int, nargs="+", default=[64, 192])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    ek.set_num_threads(options.threads)
    ratings, parts = data()
    for rank in options.rank:
        (choose if options.choose else report)(rank, ratings, parts)


if __name__ == "__main__":
    main()
