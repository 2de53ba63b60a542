"""Truncated SVD of big sparse matrices beside scikit-learn's and ARPACK's.

python benchmarks/truncated_svd.py [--data ratings|imdb] [--k 64] [--repeat 2] [--tol 0.015] [--json]

ratings: a matrix in the shape of MovieLens-20M; imdb: word counts of 74,998 reviews (needs the shared data).
Each library in a process of its own with the threads that eckart has, in turn, `--repeat` times; the shortest
time counts. ARPACK's singular values (to rounding) are what the errors are relative to: eckart's must be
below 1e-3 each.
"""

import argparse
import json
import sys
import time
from typing import Any

import numpy as np
from processes import Child, serve

ERROR = 1e-3
LIBRARIES = ("eckart", "scikit-learn", "arpack")
TIMEOUT = 900.0


def matrix(name: str) -> Any:
    """Return A in float32, by rows and by columns."""
    from data import shared_data

    import eckart as ek  # here: what a rebuild on import prints must not run into the answers

    if name == "ratings":
        ratings = ek.datasets.make_ratings(138_493, 26_744, 20_000_000, random_state=0).ratings
        return ek.linalg.SparseMatrix(ratings.by_user, ratings.by_item)
    from scipy import sparse

    folder = shared_data()
    if folder is None:
        sys.exit("the shared data are not here: set ECKART_SHARED_DATA")
    with np.load(folder / "text" / "imdb_bow75k.npz") as file:
        lengths, gap = file["row_len"].astype(np.int64), np.cumsum(file["gap"].astype(np.int64))
        counts, words = file["count"].astype(np.float32), len(file["vocab"])
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    columns = gap - np.repeat(np.concatenate([[0], gap])[pointers[:-1]], lengths)
    shape = (len(lengths), words)
    operator = ek.linalg.SparseMatrix.from_scipy(sparse.csr_array((counts, columns, pointers), shape=shape))
    operator.by_col  # noqa: B018 (formed before the clock starts, as the ratings have it)
    return operator


def open_library(library: str, name: str) -> Any:
    """Return what `serve` asks for: the command "fit" gives seconds and singular values."""
    import eckart as ek

    operator = matrix(name)
    rows = operator.by_row.to_scipy()

    def fit(k: int, tol: float, seed: int) -> dict[str, Any]:
        start = time.perf_counter()
        if library == "eckart":
            found = ek.linalg.randomized_svd(operator, k, tol=tol, random_state=seed)
            s = found.s
            note = f"{found.n_iter} steps, worst residual {max(found.residual_norms / s):.3f} s_i"
        elif library == "scikit-learn":
            from sklearn.utils.extmath import randomized_svd

            s, note = randomized_svd(rows, k, n_iter=4, random_state=seed)[1], "4 power iterations"
        else:
            from scipy.sparse.linalg import svds

            s, note = np.sort(svds(rows, k, random_state=seed)[1])[::-1], "to rounding"
        return {"seconds": time.perf_counter() - start, "s": s.astype(float).tolist(), "note": note}

    fit(4, 0.5, 0)  # imports, thread pools
    return {}, {"fit": fit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", choices=LIBRARIES, help=argparse.SUPPRESS)
    parser.add_argument("--data", choices=("ratings", "imdb"), default="ratings")
    parser.add_argument("--k", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--tol", type=float, default=0.015, help="of eckart, on the residual norms")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if options.library:
        serve(lambda: open_library(options.library, options.data))
        return
    import eckart as ek

    threads = ek.get_num_threads()
    children, best = {}, {}
    for library in LIBRARIES:
        command = [sys.executable, __file__, "--library", library, "--data", options.data]
        children[library] = Child(library, command, threads, threads)
    try:
        for process in children.values():
            process.start(TIMEOUT)
        for seed in range(options.repeat):
            for library, process in children.items():
                found = process.call("fit", TIMEOUT, k=options.k, tol=options.tol, seed=seed)
                if library not in best or found["seconds"] < best[library]["seconds"]:
                    best[library] = found
    finally:
        for process in children.values():
            process.close()
    exact = np.array(best["arpack"]["s"])
    report = {
        library: {
            "seconds": found["seconds"], "ratio": found["seconds"] / best["eckart"]["seconds"],
            "worst_error": float(np.abs(np.array(found["s"]) / exact - 1).max()), "note": found["note"],
        }
        for library, found in best.items()
    }  # fmt: skip
    assert report["eckart"]["worst_error"] < ERROR, report["eckart"]
    if options.json:
        print(json.dumps({"data": options.data, "k": options.k, "threads": threads, **report}))
        return
    print(f"{options.data}, k = {options.k}, {threads} threads")
    for library, row in report.items():
        print(
            f"{library:<13} {row['seconds']:6.2f} s  {row['ratio']:5.2f} x eckart's  "
            f"worst error of a singular value {row['worst_error']:.1e}  ({row['note']})"
        )


if __name__ == "__main__":
    main()
