"""SoftImpute on ratings of MovieLens-20M's shape.

python benchmarks/soft_impute.py [--ratings 20000000] [--rank 30] [--reg 10] [--solver exact|impute]

Prints the seconds of `fit` (of an iteration, too), the iterations, the objective, and the RMSE on one rating
in fifty held out. The bar is a fit of 20 M ratings at rank 30 within three minutes.
"""

import argparse
import time

import numpy as np

import eckart as ek

USERS, ITEMS = 138_493, 26_744


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--rank", type=int, default=30)
    parser.add_argument("--reg", type=float, default=10.0)
    parser.add_argument("--solver", choices=("exact", "impute"), default="exact")
    options = parser.parse_args()
    ratings = ek.datasets.make_ratings(USERS, ITEMS, options.ratings, random_state=0).ratings
    held_out = np.zeros(len(ratings), dtype=bool)
    held_out[::50] = True
    train, test = ratings[~held_out], ratings[held_out]
    train.by_user, train.by_item  # noqa: B018 - both views are made before the clock starts
    model = ek.completion.SoftImpute(
        options.rank, reg=options.reg, solver=options.solver, normalize="both", random_state=0
    )
    start = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - start
    steps = [record["seconds"] for record in model.history_]
    print(
        f"{len(train):,} ratings, rank {options.rank}, reg {options.reg:g}, {options.solver}: "
        f"{seconds:.1f} s, "
        f"{model.n_iter_} iterations of {np.median(steps):.2f} s (least {min(steps):.2f} s), converged "
        f"{model.converged_}, objective {model.history_[-1]['objective']:.6g}, "
        f"effective rank {model.effective_rank}, RMSE {-model.score(test):.4f}"
    )


if __name__ == "__main__":
    main()
