"""A minute with a freshly installed eckart: does it import fast, compute, and recommend?

Usage: python tools/smoke.py    (from anywhere but the checkout)
"""

import subprocess
import sys

import numpy as np

import eckart

IMPORT = "import time; start = time.perf_counter(); import eckart; print(time.perf_counter() - start)"


def import_seconds() -> float:
    """Return the best of five fresh imports."""
    command = [sys.executable, "-c", IMPORT]
    return min(float(subprocess.check_output(command, text=True)) for _ in range(5))


def fit_als() -> float:
    """Return the relative error of a small ALS fit on a matrix of rank 2, 60 % of it seen."""
    rng = np.random.default_rng(0)
    full = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 40))
    seen = rng.random(full.shape) < 0.6
    model = eckart.completion.ALS(rank=2, reg=1e-3, biases=False, max_iter=50, random_state=0)
    completed = model.fit(np.where(seen, full, np.nan)).transform(np.where(seen, full, np.nan))
    return float(np.linalg.norm(completed - full) / np.linalg.norm(full))


if __name__ == "__main__":
    print(f"eckart {eckart.__version__} from {eckart.__file__}")
    print(f"import eckart: {1000 * import_seconds():.0f} ms")
    eckart.show_config()
    error = fit_als()
    print(f"ALS of a matrix of rank 2: relative error {error:.1e}")
    sys.exit(error > 0.05)
