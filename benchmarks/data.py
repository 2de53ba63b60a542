"""Where benchmarks find real ratings: ECKART_SHARED_DATA, or shared/data beside the checkout or above it."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from eckart.data import Ratings
from eckart.data.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[1]


def shared_data() -> Path | None:
    """Return the folder of real data sets, or None where there is none."""
    wanted = os.environ.get("ECKART_SHARED_DATA")
    places = [Path(wanted)] if wanted else [beside / "shared" / "data" for beside in ROOT.parents[:2]]
    return next((folder for folder in places if folder.is_dir()), None)


def movielens_triples(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (users, items, ratings) of "ml100k" or "ml1m"; exits with a reason where the file is absent."""
    with _ratings_file(name) as file:
        return file["user"].astype(np.int64), file["item"].astype(np.int64), file["rating"].astype(np.float64)


def movielens_100k() -> tuple[Ratings, list[Ratings]]:
    """Return the ratings in the order of u.data, with timestamps, and the official test parts u1 to u5."""
    with _ratings_file("ml100k") as file:
        ratings = Ratings.from_arrays(
            file["user"], file["item"], file["rating"], timestamps=file["timestamp"]
        )
        return ratings, [ratings[file[f"u{fold}_test"]] for fold in range(1, 6)]


def movielens_1m_leave_one_out() -> tuple[Ratings, Ratings, Ratings]:
    """Return all ratings of MovieLens 1M, and the test items and negatives of the NCF paper."""
    ratings = Ratings.from_arrays(*movielens_triples("ml1m"))
    with _ratings_file("ml1m_ncf_loo") as file:
        users, negatives = file["user"], file["negatives"]
        test = Ratings.from_arrays(users, file["test_item"], np.ones(len(users)))
    pairs = np.unique(np.column_stack([np.repeat(users, negatives.shape[1]), negatives.ravel()]), axis=0)
    return ratings, test, Ratings.from_arrays(pairs[:, 0], pairs[:, 1], np.ones(len(pairs)))


def gowalla() -> tuple[Ratings, Ratings]:
    """Return the training and test check-ins of LightGCN's Gowalla, on one pair of vocabularies."""
    with _ratings_file("gowalla_lightgcn") as file:
        parts = []
        for part in ("train", "test"):
            indptr, items = file[f"{part}_indptr"], file[f"{part}_indices"]
            parts.append((np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), items))
    users, items = (Vocabulary.from_range(1 + max(p[side].max() for p in parts)) for side in (0, 1))
    train, test = (Ratings(u, i, np.ones(len(u), np.float32), users, items, counted=True) for u, i in parts)
    return train, test


def _ratings_file(name: str) -> Any:
    """Open ratings/NAME.npz of the shared data; exits with a reason where it is absent."""
    folder = shared_data()
    if folder is None or not (folder / "ratings" / f"{name}.npz").is_file():
        sys.exit(
            f"{name}.npz was not found: set ECKART_SHARED_DATA to the folder that has ratings/{name}.npz"
        )
    return np.load(folder / "ratings" / f"{name}.npz")
