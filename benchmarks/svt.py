"""Singular value thresholding in the setting of its paper (Cai, Candes, Shen 2010, table 5.1).

python benchmarks/svt.py [--case 1000,10,6 ...] [--dense 1000]

n x n matrices M = A B' of unit normal factors of rank r, m = ratio r (2n - r) entries, tau = 5 n,
delta = 1.2 n^2 / m, until ||P(X - M)|| <= 1e-4 ||P(M)||; the output is X itself (`polish=False`). Its error
on all of M must be at most 2e-4, the iterations within 15 % of the paper's. Beside it the seconds of as many
whole SVDs in LAPACK on one thread, which a dense implementation would need: one is timed, for n up to
`--dense`, and larger ones scaled by n^3.
"""

import argparse
import time

import numpy as np
from scipy import sparse

import eckart as ek
from eckart.linalg import single_threaded

# (n, rank, oversampling): iterations of the paper's table
PAPER = {(1000, 10, 6): 117, (1000, 50, 4): 114, (1000, 100, 3): 129, (5000, 10, 6): 123, (10000, 10, 6): 123}


def relative_error(model: ek.completion.SVT, a: np.ndarray, b: np.ndarray) -> float:
    """Return ||U V' - A B'|| / ||A B'|| from Gram matrices, so that nothing n x n is formed."""
    left, right = np.hstack([model.user_factors_, -a]), np.hstack([model.item_factors_, b])
    return float(np.sqrt(np.sum((left.T @ left) * (right.T @ right)) / np.sum((a.T @ a) * (b.T @ b))))


def dense_seconds(n: int, largest: int) -> float:
    """Return the seconds of one whole SVD, scaled from a smaller one where n is large."""
    size = min(n, largest)
    matrix = np.random.default_rng(0).standard_normal((size, size))
    with single_threaded():
        start = time.perf_counter()
        np.linalg.svd(matrix)
        return (time.perf_counter() - start) * (n / size) ** 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", help="n,rank,oversampling; all of the paper's without")
    parser.add_argument("--dense", type=int, default=1000, help="largest n whose SVD is timed")
    options = parser.parse_args()
    cases = [tuple(int(part) for part in case.split(",")) for case in options.case or []] or list(PAPER)
    for n, rank, ratio in cases:
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((n, rank)), rng.standard_normal((n, rank))
        places = rng.choice(n * n, ratio * rank * (2 * n - rank), replace=False)
        rows, columns = np.divmod(places, n)
        values = np.einsum("ij,ij->i", a[rows], b[columns])
        observed = sparse.csr_array((values, (rows, columns)), shape=(n, n))
        model = ek.completion.SVT(tau=5 * n, delta=1.2 * n * n / len(places), polish=False, random_state=0)
        start = time.perf_counter()
        model.fit(observed)
        seconds = time.perf_counter() - start
        error, dense = relative_error(model, a, b), model.n_iter_ * dense_seconds(n, options.dense)
        paper = PAPER.get((n, rank, ratio), model.n_iter_)
        good = error <= 2e-4 and model.converged_ and abs(model.n_iter_ / paper - 1) <= 0.15
        print(
            f"n {n}, rank {rank}, m/d_r {ratio}: error {error:.2e}, {model.n_iter_} iterations"
            f" (paper {paper}), rank {model.rank_}, {seconds:.1f} s; dense SVDs {dense:.0f} s"
            f"{'' if n <= options.dense else ' (scaled)'}  {'PASS' if good else 'FAIL'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
