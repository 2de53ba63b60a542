"""How often GaussNewton recovers a matrix exactly, beside what the mask allows and what was published.

python benchmarks/recovery.py [--part phase|lecture|large] [--instances 100] [--masks 40] [--json]

phase    1000 x 1000, rank 5, condition 10, masks of rho r (2n - r) entries, drawn again until every row and
         column has r of them: share with relative error below 1e-3. R2RILS .89 at rho 1.5 and 1 from 1.8,
         MatrixIRLS .58 at 1.5 (Kuemmerle and Mayrink Verdun 2021, figure 1)
lecture  2000 x 2000, rank 8: of random masks, those that `identifiability` calls determinable, those that
         were solved, those that were claimed. Bar: 95 % of the determinable at 1.25 %, all from 1.5 %, and no
         claim without recovery; one run at 1.75 % in 5 s
large    30,000 x 30,000, rank 10, 6 x oversampled: bar 1e-6 in 60 s and 1 GB
"""

import argparse
import json
import time
from typing import Any

import numpy as np
from measure import growth

import eckart as ek
from eckart.data.ratings import Ratings
from eckart.data.vocabulary import Vocabulary

RHOS = (1.4, 1.5, 1.8, 2.0)  # at 1.3, hardly any mask has entries enough in every row
SAMPLED = (0.0100, 0.0125, 0.0150, 0.0175)


def observed(u: Any, v: Any, places: Any) -> Ratings:
    """Return the entries of UV' at these places of the flattened matrix."""
    n, m = len(u), len(v)
    i, j = np.divmod(np.sort(places), m)
    values = np.einsum("er,er->e", u[i], v[j])
    sides = Vocabulary.from_range(n), Vocabulary.from_range(m)
    return Ratings(i.astype(np.int32), j.astype(np.int32), values, *sides)


def relative_error(model: Any, u: Any, v: Any) -> float:
    """Return |estimate - UV'| / |UV'|, summed over blocks of rows (differences first: it may be tiny)."""
    squares = total = 0.0
    for start in range(0, len(u), 1000):
        truth = u[start : start + 1000] @ v.T
        block = model.user_factors_[start : start + 1000] @ model.item_factors_.T
        squares += float(np.sum((block - truth) ** 2))
        total += float(np.sum(truth**2))
    return float(np.sqrt(squares / total))


def conditioned(n: int, rank: int, condition: float, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return factors of a matrix with random singular vectors and geometrically spaced singular values."""
    u, v = (np.linalg.qr(rng.standard_normal((n, rank)))[0] for _ in range(2))
    return u * np.geomspace(condition, 1, rank) * n, v


def full_mask(n: int, rank: int, size: int, rng: np.random.Generator) -> Any:
    """Return places, drawn again until every row and column has `rank` of them."""
    while True:
        places = rng.choice(n * n, size, replace=False)
        if min(np.bincount(side, minlength=n).min() for side in np.divmod(places, n)) >= rank:
            return places


def phase(instances: int) -> list[dict[str, Any]]:
    found, n, rank = [], 1000, 5
    for rho in RHOS:
        errors, seconds = [], []
        for seed in range(instances):
            rng = np.random.default_rng([seed, int(100 * rho)])
            u, v = conditioned(n, rank, 10, rng)
            data = observed(u, v, full_mask(n, rank, round(rho * rank * (2 * n - rank)), rng))
            start = time.perf_counter()
            model = ek.completion.GaussNewton(rank, random_state=seed).fit(data)
            seconds.append(time.perf_counter() - start)
            errors.append(relative_error(model, u, v))
        good = [e for e in errors if e < 1e-3]
        worst = max(good, default=float("nan"))
        found.append(
            {"rho": rho, "instances": instances, "success": len(good) / instances, "worst_error": worst}
        )
        found[-1]["median_seconds"] = float(np.median(seconds))
        print(found[-1], flush=True)
    return found


def lecture(masks: int) -> list[dict[str, Any]]:
    found, n, rank = [], 2000, 8
    for share in SAMPLED:
        counts = dict.fromkeys(
            ("determinable", "recovered", "of_determinable", "claimed", "claimed_wrongly"), 0
        )
        seconds = []
        for seed in range(masks):
            rng = np.random.default_rng([seed, int(1e6 * share)])
            u, v = rng.standard_normal((2, n, rank))
            data = observed(u, v, rng.choice(n * n, round(share * n * n), replace=False))
            known = ek.completion.identifiability(data, rank)
            start = time.perf_counter()
            model = ek.completion.GaussNewton(rank, random_state=seed).fit(data)
            seconds.append(time.perf_counter() - start)
            exact = relative_error(model, u, v) < 1e-6
            counts["determinable"] += known.determinable
            counts["recovered"] += exact
            counts["of_determinable"] += exact and known.determinable
            counts["claimed"] += model.recovered_
            counts["claimed_wrongly"] += model.recovered_ and not exact
        found.append({"sampled": share, "masks": masks, **counts, "bound": known.probability})
        found[-1].update(median_seconds=float(np.median(seconds)), worst_seconds=max(seconds))
        print(found[-1], flush=True)
    return found


def large(_: int) -> dict[str, Any]:
    n, rank = 30_000, 10
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, n, rank))
    size = 6 * rank * (2 * n - rank)
    data = observed(u, v, np.unique(rng.integers(n * n, size=size + 10_000))[:size])
    model, seconds, rise = growth(lambda: ek.completion.GaussNewton(rank, random_state=0).fit(data))
    some = rng.choice(n, 500, replace=False)
    truth = u[some] @ v.T
    error = np.linalg.norm(model.user_factors_[some] @ model.item_factors_.T - truth) / np.linalg.norm(truth)
    found = {
        "relative_error": float(error),
        "seconds": seconds,
        "megabytes": rise / 1e6,
        "iterations": model.n_iter_,
    }
    print(found, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("phase", "lecture", "large"), help="one of them")
    parser.add_argument("--instances", type=int, default=100, help="matrices a rho")
    parser.add_argument("--masks", type=int, default=40, help="masks a share")
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")
    options = parser.parse_args()
    parts = {"phase": (phase, options.instances), "lecture": (lecture, options.masks), "large": (large, 1)}
    wanted = [options.part] if options.part else list(parts)
    found = {part: parts[part][0](parts[part][1]) for part in wanted}
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
