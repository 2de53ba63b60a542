"""PCA beside scikit-learn's solvers on MNIST's 60,000 x 784 training images, 50 components.

python benchmarks/peers/decomposition_pca.py [--rounds 7] [--threads 2] [--json]

Each solver in a process of its own, called in turn, the least time of all rounds; before a time is printed,
its subspace is compared with that of the covariance in double precision (sine of the largest angle).
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from processes import Child, serve

K = 50
PEERS = ("scikit-learn covariance_eigh", "scikit-learn randomized")
CONTENDERS = ("eckart covariance", *PEERS)
AGREEMENT = 1e-5  # asked of eckart; the peers' own is printed
BAR = 1.4


def images() -> np.ndarray:
    """Return the images as float32; exits with a reason where they are absent."""
    from data import shared_data  # imports eckart, which the peers' processes need not before they serve

    folder = shared_data()
    if folder is None or not (folder / "images" / "mnist.npz").is_file():
        sys.exit("mnist.npz was not found: set ECKART_SHARED_DATA to the folder that has images/mnist.npz")
    with np.load(folder / "images" / "mnist.npz") as file:
        return file["x_train"].reshape(-1, 784).astype(np.float32)


def contender(name: str) -> Any:
    """Return what a child says at its start, and its commands."""
    X = images()
    library, solver = name.split()
    if library == "eckart":
        from eckart.decomposition import PCA
    else:
        from sklearn.decomposition import PCA
    model = PCA(K, svd_solver=solver, random_state=0)
    reference = X.astype(np.float64)
    reference -= reference.mean(axis=0)
    truth = np.linalg.eigh(reference.T @ reference)[1][:, -K:]
    del reference

    def fit() -> float:
        start = time.perf_counter()
        model.fit(X)
        return time.perf_counter() - start

    def angle() -> float:
        basis = np.linalg.qr(model.components_.T.astype(np.float64))[0]
        return float(np.linalg.norm(truth - basis @ (basis.T @ truth), 2))

    return name, {"fit": fit, "angle": angle}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contender", choices=CONTENDERS, help="serve one of them (started by this script)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if options.contender:
        serve(lambda: contender(options.contender))
        return
    children = {
        name: Child(name, [sys.executable, __file__, "--contender", name], options.threads, options.threads)
        for name in CONTENDERS
    }
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    try:
        for child in children.values():
            child.start(timeout=300)
        for _ in range(options.rounds):
            for name, child in children.items():
                seconds[name].append(child.call("fit", timeout=300))
        angles = {name: child.call("angle", timeout=60) for name, child in children.items()}
    finally:
        for child in children.values():
            child.close()
    if angles[CONTENDERS[0]] > AGREEMENT:
        sys.exit(f"the subspace is {angles[CONTENDERS[0]]:.1e} off, expected at most {AGREEMENT:g}")
    best = {name: min(times) for name, times in seconds.items()}
    ratio = min(best[name] for name in PEERS) / best[CONTENDERS[0]]
    if options.json:
        print(json.dumps({"seconds": best, "angles": angles, "ratio": ratio, "bar": BAR}))
        return
    for name in CONTENDERS:
        print(f"{name:<30} {best[name]:7.3f} s   angle {angles[name]:.1e}")
    print(f"{ratio:.2f}x the fastest peer (bar {BAR})")


if __name__ == "__main__":
    main()
