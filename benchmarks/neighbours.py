"""What EASE and ItemKNN cost, beside the work counted.

python benchmarks/neighbours.py [--model ease|itemknn|implicit] [--items 20000] [--ratings 20000000] [--json]

EASE: `--items` items in the shape of MovieLens-20M, the seconds of `fit` and the most memory that it took
above what the ratings hold, as a multiple of n_items^2 numbers of 4 bytes. ItemKNN: MovieLens-20M's shape,
beside implicit's CosineRecommender with as many neighbours, where it is installed.
Each in a process of its own; the answer is checked on sampled items before a figure is printed.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

import numpy as np
from measure import growth

USERS, ITEMS = 138_493, 26_744
CHECKED = 5  # items whose answer is formed again in NumPy


def ease(items: int, n: int) -> dict[str, Any]:
    """Fit, and check that the inverse inverts: (G + reg I) P e_j = e_j for sampled j."""
    import eckart as ek

    ratings = ek.datasets.make_ratings(USERS, items, n, random_state=0).ratings
    by_user, by_item = ratings.by_user, ratings.by_item
    reg = 500.0
    model, seconds, rise = growth(lambda: ek.completion.EASE(reg).fit(ratings))
    worst = 0.0
    x = by_user.pattern.to_scipy().astype(np.float64)
    for j in np.random.default_rng(0).choice(items, CHECKED, replace=False):
        # B's column j minimises |x_j - X b|^2 + reg |b|^2 over b with b_j = 0: its gradient elsewhere is 0.
        b = model.item_weights_[:, j].astype(np.float64)
        residual = x @ b - x[:, [j]].toarray().ravel()
        gradient = x.T @ residual + reg * b
        gradient[j] = 0.0
        worst = max(worst, np.abs(gradient).max() / by_item.counts.max())
    assert worst < 1e-3, f"the gradient is {worst:.1e} of the largest entry of the Gram matrix"
    work = (items**3 + 2 * float((by_user.counts.astype(np.float64) ** 2).sum())) / 1e9
    return {
        "seconds": seconds, "memory_over_n2_floats": rise / (4.0 * items**2), "gradient": worst,
        "gigaflop": work, "gigaflop_per_second": work / seconds,
    }  # fmt: skip


def itemknn(items: int, n: int) -> dict[str, Any]:
    """Fit, and compare the neighbours of sampled items with all similarities to them."""
    import eckart as ek

    ratings = ek.datasets.make_ratings(USERS, items, n, random_state=0).ratings
    by_user = ratings.by_user
    squares = float((by_user.counts.astype(np.float64) ** 2).sum())
    model, seconds, rise = growth(lambda: ek.completion.ItemKNN().fit(ratings))
    x = by_user.pattern.to_scipy().astype(np.float64)
    norms = np.sqrt(np.asarray(x.sum(axis=0)).ravel())
    for j in np.random.default_rng(0).choice(items, CHECKED, replace=False):
        products = x.T @ x[:, [j]].toarray().ravel()
        similarity = products / (norms * norms[j] + model.shrinkage)
        similarity[j] = -np.inf
        codes, values = model.neighbours_.row(j)
        want = np.sort(similarity)[::-1][: len(codes)]
        np.testing.assert_allclose(np.sort(values)[::-1], want, rtol=1e-5)
    return {
        "seconds": seconds, "memory_megabytes": rise / 1e6, "giga_multiply_adds": squares / 1e9,
        "giga_multiply_adds_per_second": squares / 1e9 / seconds,
    }  # fmt: skip


def implicit(items: int, n: int) -> dict[str, Any]:
    """Fit the peer on the same ones, with the threads that eckart has."""
    import eckart as ek

    try:
        from implicit.nearest_neighbours import CosineRecommender
    except ImportError:
        return {}
    ratings = ek.datasets.make_ratings(USERS, items, n, random_state=0).ratings
    x = ratings.by_user.pattern.to_scipy()
    model = CosineRecommender(K=101, num_threads=ek.get_num_threads())  # an item is its own neighbour there
    _, seconds, rise = growth(lambda: model.fit(x, show_progress=False))
    return {"seconds": seconds, "memory_megabytes": rise / 1e6}


MODELS = {"ease": (ease, 20_000), "itemknn": (itemknn, ITEMS), "implicit": (implicit, ITEMS)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=tuple(MODELS), help="one of them, in this process")
    parser.add_argument("--items", type=int, help="items (20,000 for EASE, 26,744 for ItemKNN)")
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if options.model:
        measure, items = MODELS[options.model]
        print(json.dumps(measure(options.items or items, options.ratings)))
        return
    found = {}
    for model in MODELS:
        command = [sys.executable, __file__, "--model", model, "--ratings", str(options.ratings)]
        command += ["--items", str(options.items)] if options.items else []
        out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        found[model] = json.loads(out.splitlines()[-1])
    if options.json:
        print(json.dumps(found))
        return
    for model, figures in found.items():
        print(f"{model:<8} " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
