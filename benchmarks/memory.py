"""Memory that a fit takes beside its input, and lists for all users beside the model and the answer.

python benchmarks/memory.py [--ratings 20000000] [--rank 64]

Bar: the resident size may rise by 1.6 times what the fit cannot do without: both compressed views at
8 bytes an entry, and the factors; and by 100 MB beyond the answer for the lists.
"""

import argparse
import gc

from measure import growth

import eckart as ek
from eckart.datasets import make_ratings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=2)
    parser.add_argument("--shuffle", action="store_true", help="rows in random order, not by user")
    options = parser.parse_args()
    scale = (options.ratings / 20_000_000) ** 0.5
    ratings = make_ratings(int(138_493 * scale), int(26_744 * scale), options.ratings, random_state=0).ratings
    if options.shuffle:
        import numpy as np

        order = np.random.default_rng(0).permutation(len(ratings))
        ratings = ratings[order]
        del order
    model = ek.completion.ALS(rank=options.rank, max_iter=options.iterations, tol=0, random_state=0)
    small = make_ratings(100, 50, 1000, random_state=0).ratings
    ek.completion.ALS(rank=options.rank, max_iter=1, random_state=0).fit(small)  # threads and code are there
    gc.collect()
    _, seconds, rise = growth(lambda: model.fit(ratings))
    needed = 2 * 8 * len(ratings) + model.user_factors_.nbytes + model.item_factors_.nbytes
    print(f"{ratings!r}, rank {options.rank}: {options.iterations} iterations in {seconds:.1f} s")
    print(f"two views and the factors {needed / 1e6:.0f} MB, rise {rise / 1e6:.0f} MB")
    print(f"ratio {rise / needed:.2f} (bar 1.6)")
    gc.collect()
    lists, seconds, rise = growth(lambda: model.recommend(k=10))
    answer = lists.users.nbytes + sum(a.data.nbytes + a.mask.nbytes for a in (lists.items, lists.scores))
    print(f"top-10 of all users in {seconds:.2f} s: rise {rise / 1e6:.0f} MB, answer {answer / 1e6:.0f} MB")
    print(f"beyond the answer {(rise - answer) / 1e6:.0f} MB (bar 100)")


if __name__ == "__main__":
    main()
