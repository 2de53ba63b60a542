"""What the engine itself costs: chains of operations on single numbers, beside PyTorch where it is installed.

python benchmarks/peers/nn_overhead.py [--json]

A chain of 100 additions, forwards, and forwards with the way back; microseconds per operation, the least of
200 runs, each library in a process of its own on one thread. The gradient is checked first.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

LENGTH, RUNS = 100, 200


def least(f: Callable[[], Any]) -> float:
    """Return the microseconds per operation of the fastest run."""
    found = []
    for _ in range(RUNS):
        start = time.perf_counter()
        f()
        found.append(time.perf_counter() - start)
    return min(found) / LENGTH * 1e6


def chain(x: Any, step: Any) -> Any:
    for _ in range(LENGTH):
        x = x + step
    return x


def measured(library: str) -> dict[str, float]:
    if library == "numpy":
        import numpy as np

        x, step = np.ones(()), np.ones(())
        return {"forward": least(lambda: chain(x, step))}
    if library == "torch":
        import torch

        torch.set_num_threads(1)
        x, step = torch.tensor(1.0, requires_grad=True), torch.tensor(1.0)
    else:
        from eckart.nn import Tensor

        x, step = Tensor(1.0, requires_grad=True), Tensor(1.0)

    def both() -> None:
        x.grad = None
        chain(x, step).backward()

    both()
    assert float(x.grad) == 1.0
    return {"forward": least(lambda: chain(x, step)), "forward and back": least(both)}


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] == "--one":
        print(json.dumps(measured(sys.argv[2])))
        return
    figures = {}
    for library in ("numpy", "eckart", "torch"):
        done = subprocess.run([sys.executable, __file__, "--one", library], capture_output=True, text=True)
        if done.returncode == 0:
            figures[library] = json.loads(done.stdout.splitlines()[-1])
    if "--json" in sys.argv:
        print(json.dumps(figures))
        return
    for library, found in figures.items():
        print(f"{library:8s}", *[f"{name} {value:.2f} us" for name, value in found.items()], sep="  ")


if __name__ == "__main__":
    main()
