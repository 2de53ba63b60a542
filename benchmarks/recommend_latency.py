"""How long a model of MovieLens-20M's size takes to load, and then to answer for one user.

python benchmarks/recommend_latency.py [--ratings 20000000] [--rank 64]

Bar: the median of single `recommend` calls of a freshly loaded model below a millisecond, with integer
and with text ids, titles included. The factors are what `fit` starts from: their values cost nothing.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import eckart as ek
from eckart.data import Ratings
from eckart.data.strings import Strings
from eckart.data.vocabulary import Vocabulary
from eckart.datasets import make_ratings


def named(ratings: Ratings, ids: str, shuffle: bool) -> Ratings:
    """Return the ratings with ids of a kind and a title for every item."""

    def vocabulary(n: int, prefix: str) -> Vocabulary:
        if ids == "integers":
            return Vocabulary.from_column(np.arange(n) * 7 + 1)[0]
        return Vocabulary.from_column([f"{prefix}-{i:09d}" for i in range(n)])[0]

    titles = Strings.from_texts(f"A film of number {i}" for i in range(ratings.n_items))
    order = np.random.default_rng(0).permutation(len(ratings)) if shuffle else slice(None)
    return Ratings(
        ratings.user_index[order], ratings.item_index[order], ratings.values[order],
        vocabulary(ratings.n_users, "user"), vocabulary(ratings.n_items, "item"), titles=titles,
    )  # fmt: skip


def measure(path: Path, n_calls: int = 500) -> tuple[float, np.ndarray]:
    """Return the seconds of a load, and of each call after it."""
    start = time.perf_counter()
    model = ek.load(path)
    loaded = time.perf_counter() - start
    users = model.users_.decode(np.random.default_rng(0).integers(0, len(model.users_), n_calls)).tolist()
    seconds = []
    for user in users:
        start = time.perf_counter()
        found = model.recommend(user)
        seconds.append(time.perf_counter() - start)
        assert found.items.shape == (1, 10)
        assert not found.mask.any()
    return loaded, np.array(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--rank", type=int, default=64)
    options = parser.parse_args()
    scale = (options.ratings / 20_000_000) ** 0.5
    ratings = make_ratings(int(138_493 * scale), int(26_744 * scale), options.ratings, random_state=0).ratings
    model = ek.completion.ALS(rank=options.rank, max_iter=1, random_state=0).fit(ratings)
    print(f"{ratings!r}, rank {options.rank}")
    print(f"{'ids':<10}{'rows':<10}{'load s':>8}{'median ms':>11}{'99 % ms':>9}{'first ms':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for ids, shuffle in (("integers", False), ("integers", True), ("texts", False)):
            model._set_data(named(ratings, ids, shuffle))
            path = Path(folder) / "model.safetensors"
            ek.save(model, path)
            loaded, seconds = measure(path)
            milliseconds = 1000 * np.array([np.median(seconds), np.quantile(seconds, 0.99), seconds[0]])
            rows = "shuffled" if shuffle else "by user"
            print(f"{ids:<10}{rows:<10}{loaded:>8.2f}{milliseconds[0]:>11.2f}{milliseconds[1]:>9.2f}"
                  f"{milliseconds[2]:>10.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
