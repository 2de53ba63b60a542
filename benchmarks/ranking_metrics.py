"""What ranking metrics cost beyond the scoring: NDCG@100 of 138,493 users over 26,744 items.

python benchmarks/ranking_metrics.py [--users 138493] [--k 100]

Bar: under 3 s on 2 threads, from lists and test ratings to the mean with its bootstrap interval.
"""

import argparse
import time

import numpy as np

from eckart.datasets import make_ratings
from eckart.metrics import ranking_metrics, summarize_all

N_ITEMS = 26_744


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=138_493)
    parser.add_argument("--k", type=int, default=100)
    options = parser.parse_args()
    n, k = options.users, options.k
    test = make_ratings(n, N_ITEMS, 29 * n, random_state=0).ratings  # a fifth of MovieLens 20M
    rng = np.random.default_rng(0)
    starts, steps = rng.integers(N_ITEMS, size=n), rng.integers(1, N_ITEMS // k, size=n)
    lists = ((starts[:, None] + steps[:, None] * np.arange(k)) % N_ITEMS).astype(np.int32)
    _ = test.by_user

    start = time.perf_counter()
    users = np.flatnonzero(test.by_user.counts)
    values = ranking_metrics(lists[users], test.by_user.pattern.select(users), k)
    measured = time.perf_counter()
    summaries = summarize_all({"ndcg": values["ndcg"]})
    end = time.perf_counter()

    hits = np.isin(
        users.repeat(k) * N_ITEMS + lists[users].ravel(),
        test.user_index.astype(np.int64) * N_ITEMS + test.item_index,
    ).reshape(len(users), k)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(test.by_user.counts[users], k) - 1]
    np.testing.assert_allclose(values["ndcg"], hits @ discounts / ideal, rtol=1e-12)
    print(f"{len(users):,} users, k = {k}: NDCG {summaries['ndcg']}, equal to NumPy's")
    print(f"all six metrics {measured - start:.2f} s, bootstrap {end - measured:.2f} s")
    print(f"together {end - start:.2f} s (bar 3 s)")


if __name__ == "__main__":
    main()
