"""Convolutions beside PyTorch's: a grid of 60 shapes of networks, forward and backward.

python benchmarks/peers/nn_convolution.py [--shapes PART_OF_A_NAME] [--rounds 5] [--threads 2]
    [--clock wall|cpu] [--json]

Each library in a process of its own, in turn, the least time of all rounds; PyTorch in both layouts, with one
thread and with all, the best of them counts for each direction. Before a time is printed the results are
compared. "step" is forward and backward: the gradients of weights, bias and images, but for a network's
first layer, whose images need none. --clock cpu takes the processor time of one thread: the one to trust
where others use the machine too.
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

SHAPES = Path(__file__).resolve().parents[1] / "conv_shapes.json"
CONTENDERS = ("eckart", "PyTorch nchw", "PyTorch nhwc")
AGREEMENT = 1e-4  # of projections of the results, relative to their size
FLOOR = 0.6  # no shape below it


def problem(shape: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """Return images, weights, bias and the gradient of the result."""
    rng = np.random.default_rng(0)
    h, w = shape["size"]
    kh, kw = shape["kernel"]
    stride, dilation, groups = shape["stride"], shape["dilation"], shape["groups"]
    top, left = padding(shape)
    oh = (h + 2 * top - dilation * (kh - 1) - 1) // stride + 1
    ow = (w + 2 * left - dilation * (kw - 1) - 1) // stride + 1
    sizes = (
        (shape["images"], shape["channels"], h, w),
        (shape["out"], shape["channels"] // groups, kh, kw),
        (shape["out"],),
        (shape["images"], shape["out"], oh, ow),
    )
    return tuple(rng.standard_normal(size, dtype=np.float32) for size in sizes)


def padding(shape: dict[str, Any]) -> tuple[int, int]:
    """Return (rows, columns): a sequence is padded along its length."""
    return (0 if shape["size"][0] == 1 else shape["padding"]), shape["padding"]


def flop(shape: dict[str, Any]) -> float:
    """Return the operations of one direction."""
    x, weight, _, dy = problem(shape)
    return 2.0 * dy.size * weight[0].size * (len(x) > 0)


def directions(name: str, shape: dict[str, Any], threads: int) -> dict[str, Any]:
    """Return the three directions as functions without arguments, each giving a list of results."""
    x, weight, bias, dy = problem(shape)
    stride, dilation, groups = (shape["stride"],) * 2, (shape["dilation"],) * 2, shape["groups"]
    margins = padding(shape)
    if name == "eckart":
        from eckart._native import nn

        sizes = (stride, margins * 2, dilation, groups, "none")

        def backward(needs: Any) -> Any:
            return nn.conv2d_backward(x, weight, dy, None, *sizes, needs, None, None, threads)

        return {
            "forward": lambda: [nn.conv2d(x, weight, bias, *sizes, threads)],
            "images": lambda: backward((True, False, False))[:1],
            "weights": lambda: backward((False, True, True))[1:],
        }
    import torch

    torch.set_num_threads(threads)
    layout = torch.channels_last if name.endswith("nhwc") else torch.contiguous_format
    image, kernel, gradient = (torch.from_numpy(a).contiguous(memory_format=layout) for a in (x, weight, dy))
    b, sizes = torch.from_numpy(bias), (stride, margins, dilation)

    def back(needs: Any) -> Any:
        return torch.ops.aten.convolution_backward(
            gradient, image, kernel, [len(bias)], *sizes, False, (0, 0), groups, needs
        )

    return {
        "forward": lambda: [torch.conv2d(image, kernel, b, *sizes, groups)],
        "images": lambda: back((True, False, False))[:1],
        "weights": lambda: back((False, True, True))[1:],
    }


def contender(name: str) -> Any:
    """Return what a child says at its start, and its commands."""
    kept: dict[str, Any] = {}

    def seconds(shape: dict[str, Any], threads: int, clock: str) -> dict[str, float]:
        ticks = time.process_time if clock == "cpu" else time.perf_counter
        time.sleep(0.25)  # for so long the threads of the one before may spin
        if kept.get("key") != (shape["name"], threads):
            kept["key"], kept["calls"] = (shape["name"], threads), directions(name, shape, threads)
        best = {}
        for direction, call in kept["calls"].items():
            call()
            times, start = [], time.perf_counter()
            while len(times) < 3 or time.perf_counter() - start < 0.05:
                before = ticks()
                call()
                times.append(ticks() - before)
            best[direction] = min(times)
        return best

    def answers(shape: dict[str, Any], threads: int) -> list[float]:
        """Return projections of all results on fixed random numbers, over their expected size."""
        found = []
        for call in directions(name, shape, threads).values():
            for result in call():
                numbers = np.ascontiguousarray(np.asarray(result)).ravel().astype(np.float64)
                along = np.random.default_rng(1).standard_normal(numbers.size)
                found.append(float(numbers @ along / (np.linalg.norm(numbers) + 1e-30)))
        return found

    return name, {"seconds": seconds, "answers": answers}


def measure(children: dict[str, Child], shape: dict[str, Any], options: Any) -> dict[str, Any]:
    """Return what one shape takes: by direction, eckart's seconds and the best of PyTorch's."""
    said = {
        name: child.call("answers", 300, shape=shape, threads=options.threads)
        for name, child in children.items()
    }
    for name in CONTENDERS[1:]:
        if not np.allclose(said[name], said["eckart"], atol=AGREEMENT):
            sys.exit(f"{shape['name']}: eckart gives {said['eckart']}, {name} {said[name]}")
    best: dict[str, dict[str, float]] = {}
    for _ in range(options.rounds):
        for name, child in children.items():
            for threads in {options.threads} | ({1} if name != "eckart" else set()):
                found = child.call("seconds", 300, shape=shape, threads=threads, clock=options.clock)
                known = best.setdefault("eckart" if name == "eckart" else "PyTorch", found)
                best["eckart" if name == "eckart" else "PyTorch"] = {
                    k: min(known[k], v) for k, v in found.items()
                }
    return {"shape": shape["name"], "gigaflop": flop(shape) / 1e9, "first": shape["first"], **best}


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Return PyTorch's time over eckart's, by direction, and of a training step's forward and backward."""
    ours, theirs = found["eckart"], found["PyTorch"]
    step = ("forward", "weights") if found["first"] else ("forward", "images", "weights")
    return {k: theirs[k] / ours[k] for k in ours} | {
        "step": sum(theirs[k] for k in step) / sum(ours[k] for k in step)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contender", choices=CONTENDERS, help="serve one of them (started by this script)")
    parser.add_argument("--shapes", default="", help="only shapes whose name has this in it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if options.contender:
        serve(lambda: contender(options.contender))
        return
    options.threads = 1 if options.clock == "cpu" else options.threads
    shapes = [s for s in json.loads(SHAPES.read_text()) if options.shapes in s["name"]]
    command = [sys.executable, __file__, "--contender"]
    children = {name: Child(name, [*command, name], options.threads, options.threads) for name in CONTENDERS}
    results = []
    try:
        for child in children.values():
            child.start(timeout=300)
        for shape in shapes:
            results.append(measure(children, shape, options))
            if not options.json:
                report(results[-1])
    finally:
        for child in children.values():
            child.close()
    summary(results, options.json)


def report(found: dict[str, Any]) -> None:
    speed = {k: found["gigaflop"] / v for k, v in found["eckart"].items()}
    print(
        f"{found['shape']:<34} "
        + "  ".join(f"{k} {speed[k]:6.1f} GFLOP/s {r:5.2f}x" for k, r in ratios(found).items() if k != "step")
        + f"  step {ratios(found)['step']:5.2f}x",
        flush=True,
    )


def summary(results: list[dict[str, Any]], as_json: bool) -> None:
    steps = {found["shape"]: ratios(found)["step"] for found in results}
    low = {name: round(ratio, 2) for name, ratio in steps.items() if ratio < FLOOR}
    if as_json:
        print(json.dumps({"results": results, "below": low}))
        return
    middle = float(np.exp(np.mean(np.log(list(steps.values())))))
    print(f"{len(steps)} shapes, geometric mean {middle:.2f}x; below {FLOOR}x: {low or 'none'}")


if __name__ == "__main__":
    main()
