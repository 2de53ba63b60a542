"""Attention beside PyTorch's, forward and with its gradients: `python benchmarks/peers/nn_attention.py`.

Each library runs in a process of its own, in turn; times are the least of many, in GFLOP/s of 4 (forward)
and 14 (both) B H T T d. The answers are compared before any time is told.
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

import numpy as np

SHAPES = [(12, 4, 64, 32), (8, 8, 256, 64), (4, 8, 1024, 64)]  # batch, heads, length, width


def inputs(shape: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for _ in range(4)]


def least(f: Any, seconds: float) -> float:
    for _ in range(3):
        f()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - start)
    return best


def run_torch(arrays: list[Any], causal: bool, threads: int, seconds: float) -> list[float]:
    import torch

    torch.set_num_threads(threads)
    q, k, v, dy = map(torch.tensor, arrays)
    attend = torch.nn.functional.scaled_dot_product_attention
    with torch.no_grad():
        forward = least(lambda: attend(q, k, v, is_causal=causal), seconds)
    for t in (q, k, v):
        t.requires_grad_()

    def both() -> Any:
        return torch.autograd.grad(attend(q, k, v, is_causal=causal), (q, k, v), dy)

    return [forward, least(both, seconds), *[float(g.abs().sum()) for g in both()]]


def run_eckart(arrays: list[Any], causal: bool, threads: int, seconds: float) -> list[float]:
    import eckart
    from eckart.nn import Tensor, grad, no_grad
    from eckart.nn.functional import scaled_dot_product_attention as attend

    eckart.set_num_threads(threads)
    q, k, v = (Tensor(a, requires_grad=True) for a in arrays[:3])

    def forward() -> None:
        with no_grad():
            attend(q, k, v, causal=causal)

    def backward() -> None:
        attend(q, k, v, causal=causal).backward(arrays[3])
        q.grad = k.grad = v.grad = None

    times = [least(forward, seconds), least(backward, seconds)]
    found = grad(attend(q, k, v, causal=causal), [q, k, v], arrays[3])
    return [*times, *[float(np.abs(g).sum(dtype=np.float64)) for g in found]]


def main() -> None:
    """Print a line for each shape, causal and not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="times that the libraries take turns")
    parser.add_argument("--worker", choices=["torch", "eckart"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        shape, causal = json.loads(options.case)
        run = run_torch if options.worker == "torch" else run_eckart
        print(json.dumps(run(inputs(tuple(shape)), causal, options.threads, options.seconds)))
        return
    for shape in SHAPES:
        for causal in (False, True):
            report(shape, causal, options)


def report(shape: tuple[int, ...], causal: bool, options: argparse.Namespace) -> None:
    results: dict[str, Any] = {"torch": [], "eckart": []}
    for _ in range(options.rounds):
        for name, found in results.items():
            command = [sys.executable, __file__, "--worker", name, "--case", json.dumps([shape, causal])]
            command += ["--threads", str(options.threads), "--seconds", str(options.seconds)]
            found.append(
                json.loads(
                    subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[
                        -1
                    ]
                )
            )
    least_of = {name: np.min(found, axis=0) for name, found in results.items()}
    np.testing.assert_allclose(least_of["eckart"][2:], least_of["torch"][2:], rtol=1e-4)
    b, h, t, d = shape
    work = np.array([4, 14]) * b * h * t * t * d / 1e9
    rates = {name: work / found[:2] for name, found in least_of.items()}
    print(f"{shape} {'causal' if causal else 'whole '}", end="")
    for i, what in enumerate(("forward", "forward + backward")):
        ours, theirs = rates["eckart"][i], rates["torch"][i]
        print(f"  {what}: eckart {ours:.0f}, torch {theirs:.0f} GFLOP/s, {ours / theirs:.2f}x", end="")
    print(flush=True)


if __name__ == "__main__":
    main()
