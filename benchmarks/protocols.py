"""The named protocols on the data that they were published with, where these are in the shared data.

python benchmarks/protocols.py [surprise-5fold official-u1-u5 rendle-2019 ncf-loo lightgcn liang-2018 time]
    [--rank 64] [--out FOLDER]

Prints each record; `--out` keeps records (JSON) and figures.
"""

import argparse
from pathlib import Path

from data import gowalla, movielens_1m_leave_one_out, movielens_100k

import eckart as ek
from eckart.evaluation import PROTOCOLS, Record, run_protocol


def models(rank: int) -> dict[str, object]:
    """Return what is measured beside Popularity."""
    return {"ALS": ek.completion.ALS(rank, reg=0.12, random_state=0), "Baseline": ek.completion.Baseline()}


def run(name: str, rank: int) -> Record:
    """Return the record of a protocol on its own data (MovieLens 100k where its own are not there)."""
    if name == "ncf-loo":
        ratings, test, negatives = movielens_1m_leave_one_out()
        return run_protocol(name, models(rank), ratings, test=test, negatives=negatives)
    if name == "lightgcn":
        train, test = gowalla()
        return run_protocol(name, models(rank), train, test=test)
    ratings, folds = movielens_100k()
    return run_protocol(name, models(rank), ratings, **({"test": folds} if "official" in name else {}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PROTOCOLS), metavar="NAME")
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    for name in options.names:
        record = run(name, options.rank)
        print(record, end="\n\n", flush=True)
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            record.save(options.out / f"{name}.json")
            record.plot(options.out / f"{name}.png")


if __name__ == "__main__":
    main()
