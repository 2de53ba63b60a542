"""Where benchmarks find real ratings: ECKART_SHARED_DATA, or the folder `shared/data` beside the checkout."""

import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def shared_data() -> Path | None:
    """Return the folder of real data sets, or None where there is none."""
    wanted = os.environ.get("ECKART_SHARED_DATA")
    folder = Path(wanted) if wanted else ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


def movielens_triples(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (users, items, ratings) of "ml100k" or "ml1m"; exits with a reason where the file is absent."""
    folder = shared_data()
    if folder is None or not (folder / "ratings" / f"{name}.npz").is_file():
        sys.exit(
            f"{name}.npz was not found: set ECKART_SHARED_DATA to the folder that has ratings/{name}.npz"
        )
    with np.load(folder / "ratings" / f"{name}.npz") as file:
        return file["user"].astype(np.int64), file["item"].astype(np.int64), file["rating"].astype(np.float64)
