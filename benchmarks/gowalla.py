"""Every linear model of clicks on Gowalla, in the split of LightGCN: Recall@20 and NDCG@20 over all items.

python benchmarks/gowalla.py [--choose] [--only NAME ...] [--threads 2]

`--choose` measures every setting tried on a fifth of each user's training items, held out of training; the
settings below are the best there. EASE needs 9 GB and some minutes.
"""

import argparse

from data import gowalla

import eckart as ek
from eckart.completion import EASE, ImplicitALS, ItemKNN
from eckart.evaluation import run_protocol

CHOSEN = {
    "ItemKNN": ItemKNN(200, shrinkage=40.0),
    "ItemKNN, random walk": ItemKNN(200, similarity="random_walk", degree_exponents=(0.5, 0.2)),
    "ImplicitALS 256": ImplicitALS(256, reg=0.003, unobserved_weight=0.01, max_iter=8, tol=0, random_state=0),
    "EASE": EASE(reg=200.0),
}
TRIED = {
    **{f"ItemKNN, shrinkage {s}": ItemKNN(200, shrinkage=s) for s in (10.0, 20.0, 40.0)},
    **{
        f"ItemKNN, random walk {a}, {b}": ItemKNN(200, similarity="random_walk", degree_exponents=(a, b))
        for a in (0.5, 0.7, 0.9)
        for b in (0.2, 0.3)
    },
    **{
        f"ImplicitALS 128, reg {reg}, unobserved_weight {weight}": ImplicitALS(
            128, reg=reg, unobserved_weight=weight, max_iter=8, tol=0, random_state=0
        )
        for reg in (0.001, 0.003, 0.01)
        for weight in (0.003, 0.01, 0.03)
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="models whose names begin so")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    ek.set_num_threads(options.threads)
    models = TRIED if options.choose else CHOSEN
    wanted = {
        name: model
        for name, model in models.items()
        if not options.only or any(name.startswith(start) for start in options.only)
    }
    train, test = gowalla()
    # Without a test part, the protocol holds out a fifth of each user's items of what it is given.
    parts = {} if options.choose else {"test": test}
    print(run_protocol("lightgcn", wanted, train, **parts))


if __name__ == "__main__":
    main()
