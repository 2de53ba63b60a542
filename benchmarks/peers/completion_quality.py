"""Test error of explicit ALS beside cmfrec's exact ALS: the same folds, penalties and rank.

    python benchmarks/peers/completion_quality.py ml100k ml1m

Five random folds (a permutation of seed 0), both libraries with jointly fitted biases and the penalty
scaled by count; RMSE over the fold, unclipped, mean over folds and over three model seeds. Each library
runs in a process of its own. cmfrec comes with the extra `bench`.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from data import movielens_triples

PENALTY = {"ml100k": 0.12, "ml1m": 0.07}
RANK, ITERATIONS, FOLDS, SEEDS = 64, 15, 5, (0, 1, 2)


def eckart_rmse(train, test, reg: float, seed: int) -> float:
    import eckart as ek

    model = ek.completion.ALS(RANK, reg=reg, max_iter=ITERATIONS, tol=0.0, random_state=seed)
    model.fit(ek.data.Ratings.from_arrays(*train))
    return rmse(model.predict(test[0], test[1]), test[2])


def cmfrec_rmse(train, test, reg: float, seed: int) -> float:
    import pandas as pd
    from cmfrec import CMF

    frame = pd.DataFrame({"UserId": train[0], "ItemId": train[1], "Rating": train[2]})
    model = CMF(
        k=RANK, lambda_=reg, method="als", use_cg=False, scale_lam=True, user_bias=True, item_bias=True,
        center=True, niter=ITERATIONS, random_state=seed, use_float=False, verbose=False,
    )  # fmt: skip
    model.fit(frame)
    return rmse(model.predict(test[0], test[1]), test[2])


def rmse(predicted, actual) -> float:
    return float(np.sqrt(np.mean((np.asarray(predicted, dtype=np.float64) - actual) ** 2)))


def run(library: str, data: str) -> dict[str, object]:
    """Return the RMSE of every fold and seed, and the seconds they took."""
    triples = movielens_triples(data)
    order = np.random.default_rng(0).permutation(len(triples[0]))
    one = eckart_rmse if library == "eckart" else cmfrec_rmse
    start, errors = time.perf_counter(), []
    for seed in SEEDS if library == "eckart" else SEEDS[:1]:
        for fold in range(FOLDS):
            held_out = np.zeros(len(order), dtype=bool)
            held_out[order[fold::FOLDS]] = True
            train = tuple(column[~held_out] for column in triples)
            test = tuple(column[held_out] for column in triples)
            errors.append(one(train, test, PENALTY[data], seed))
    return {"rmse": errors, "seconds": (time.perf_counter() - start) / len(errors)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=["ml100k"], choices=list(PENALTY))
    parser.add_argument("--library", choices=("eckart", "cmfrec"), help="run one alone and print JSON")
    args = parser.parse_args()
    if args.library:
        print(json.dumps(run(args.library, args.data[0])))
        return
    for data in args.data:
        means = {}
        for library in ("eckart", "cmfrec"):
            command = [sys.executable, __file__, data, "--library", library]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            result = json.loads(output.splitlines()[-1])
            means[library] = float(np.mean(result["rmse"]))
            print(
                f"{data} rank {RANK} λ {PENALTY[data]} {library:7} RMSE {means[library]:.4f} "
                f"(folds and seeds {min(result['rmse']):.4f} to {max(result['rmse']):.4f}), "
                f"{result['seconds']:.2f} s a fit"
            )
        print(f"{data} eckart / cmfrec {means['eckart'] / means['cmfrec']:.5f}")


if __name__ == "__main__":
    main()
