"""Whole training steps beside PyTorch's: forward, backward and Adam.

python benchmarks/peers/nn_steps.py [--jobs mlp-1 lenet-64 gpt ...] [--rounds 3] [--seconds 1] [--json]

Each library in a process of its own, in turn, the least time counts. PyTorch with one thread and with two,
its Adam fused, both layouts for images: the best of them. Both start from the same weights and take three
steps on one batch, whose losses are compared before any time is told. "plan" is eckart's step as a plan.
"lecun" is the net of 1989: squared differences, SGD. "gpt" is nanoGPT's configuration for a CPU: AdamW, and
gradients clipped to a norm of 1.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

JOBS = {"mlp-1": 1, "mlp-32": 32, "mlp-256": 256, "lecun-1": 1, "lenet-64": 64, "resnet-128": 128, "gpt": 12}
GPT = (65, 64, 4, 4, 128)  # nanoGPT's for a CPU: vocabulary, context, layers, heads, width
STEPS = 3  # whose losses are compared


def batch(job: str) -> tuple[Any, Any]:
    """Return images and classes, or tokens and those that follow them."""
    rng, n = np.random.default_rng(0), JOBS[job]
    if job == "gpt":
        tokens = rng.integers(0, GPT[0], (n, GPT[1] + 1))
        return tokens[:, :-1].copy(), tokens[:, 1:].reshape(-1)
    if job == "lecun-1":
        images = rng.uniform(-1, 1, (n, 1, 16, 16)).astype(np.float32)
        return images, 2 * np.eye(10, dtype=np.float32)[rng.integers(0, 10, n)] - 1
    shape = (n, 784) if job.startswith("mlp") else (n, 3, 32, 32) if job == "resnet-128" else (n, 1, 28, 28)
    return rng.standard_normal(shape).astype(np.float32), rng.integers(0, 10, n)


def weights(job: str) -> dict[str, Any]:
    """Return arrays by PyTorch's names."""
    return {name: np.array(p) for name, p in network(job).state_dict().items()}


def network(job: str) -> Any:
    """Return eckart's, the same each time."""
    from eckart.nn import layers, models

    if job == "gpt":
        return models.GPT(*GPT, bias=False, random_state=0)
    if job == "lenet-64":
        return models.LeNet5(random_state=0)
    if job == "lecun-1":
        return models.LeCun1989(random_state=0)
    if job == "resnet-128":
        return models.ResNet20(random_state=0)
    first = layers.Linear(784, 128, random_state=0)
    return layers.Sequential(first, layers.ReLU(), layers.Linear(128, 10, random_state=1))


def least(step: Callable[[], Any], seconds: float) -> float:
    for _ in range(5):
        step()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return best


def run_eckart(job: str, planned: bool, seconds: float) -> list[float]:
    from eckart import nn
    from eckart.nn import functional, ops, optim

    net: Any = network(job)
    kinds: dict[str, Any] = {"gpt": optim.AdamW, "lecun-1": optim.SGD}
    parameters = list(net.parameters())
    optimizer = kinds.get(job, optim.Adam)(parameters, lr=1e-3)
    x, y = batch(job)

    def loss(x: Any, y: Any) -> nn.Tensor:
        logits = net(nn.Tensor(x))
        if job == "lecun-1":
            return functional.mse_loss(logits, y)
        return functional.cross_entropy(ops.reshape(logits, (-1, logits.shape[-1])), y)

    plan = nn.Plan(loss, x, y) if planned else None

    def step() -> float:
        if plan is not None:
            value = plan(x, y)
        else:
            optimizer.zero_grad()
            result = loss(x, y)
            result.backward()
            value = result.item()
        if job == "gpt":
            optim.clip_grad_norm(parameters, 1.0)
        optimizer.step()
        return value

    losses = [step() for _ in range(STEPS)]
    return [least(step, seconds), *losses]


def run_torch(job: str, threads: int, last: bool, seconds: float) -> list[float]:
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    arrays = {name: torch.tensor(a) for name, a in weights(job).items()}
    if job.startswith("mlp"):
        net: Any = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    elif job == "gpt":
        from torch_gpt import GPT as Decoder

        net = Decoder(*GPT)
    elif job == "lecun-1":
        net = torch_lecun(torch, arrays)
    elif job == "resnet-128":
        from torch_resnet import ResNet20

        net = ResNet20()
    else:
        net = torch_lenet(nn)
    named = job in ("gpt", "resnet-128")  # the others are numbered differently, in the same order
    net.load_state_dict(arrays if named else dict(zip(net.state_dict(), arrays.values(), strict=True)))
    x, y = (torch.tensor(a) for a in batch(job))
    if last:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    kinds: dict[str, Any] = {"gpt": torch.optim.AdamW, "lecun-1": torch.optim.SGD}
    parameters = list(net.parameters())
    optimizer = kinds.get(job, torch.optim.Adam)(parameters, lr=1e-3, fused=True)
    criterion = nn.functional.mse_loss if job == "lecun-1" else nn.functional.cross_entropy

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        if job == "gpt":
            nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return float(loss)

    losses = [step() for _ in range(STEPS)]
    return [least(step, seconds), *losses]


def torch_lenet(nn: Any) -> Any:
    """Return eckart.nn.models.LeNet5 layer by layer."""
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    dense = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*features, *dense)


def torch_lecun(torch: Any, arrays: dict[str, Any]) -> Any:
    """Return eckart.nn.models.LeCun1989, parameter by parameter."""
    f = torch.nn.functional

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, array in arrays.items():
                self.register_parameter(name, torch.nn.Parameter(array.clone()))

        def forward(self, x: Any) -> Any:
            framed = f.pad(x, (2, 2, 2, 2), value=-1.0)
            h = torch.tanh(f.conv2d(framed, self.H1w, stride=2) + self.H1b)
            a, b, c = f.pad(h, (2, 2, 2, 2), value=-1.0).split(4, dim=1)
            seen = torch.cat([a, b, b, c, a, c], dim=1)
            h = torch.tanh(f.conv2d(seen, self.H2w, stride=2, groups=3) + self.H2b)
            h = torch.tanh(f.linear(h.flatten(1), self.H3w, self.H3b))
            return torch.tanh(f.linear(h, self.outw, self.outb))

    return Net()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        library, job, *settings = json.loads(options.worker)
        run = run_eckart if library == "eckart" else run_torch
        print(json.dumps(run(job, *settings, options.seconds)))
        return
    found = [report(job, options) for job in options.jobs]
    if options.json:
        print(json.dumps(found))


def report(job: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure all settings in turn and print one line."""
    last = [False, True] if job in ("lenet-64", "resnet-128") else [False]
    settings: list[Any] = [["eckart", job, planned] for planned in (False, True)]
    settings += [["torch", job, threads, layout] for threads in (1, 2) for layout in last]
    times: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        losses = []
        for setting in settings:
            command = [sys.executable, __file__, "--worker", json.dumps(setting)]
            command += ["--seconds", str(options.seconds)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            seconds, *values = json.loads(out)
            name = setting[0] if setting[-1] is not True or setting[0] == "torch" else "plan"
            times.setdefault(name, []).append(seconds)
            losses.append(values)
        np.testing.assert_allclose(losses, np.broadcast_to(losses[0], np.shape(losses)), rtol=2e-4)
    best = {name: min(found) * 1e3 for name, found in times.items()}
    print(
        f"{job:<10} torch {best['torch']:.3f} ms, "
        + ", ".join(
            f"{name} {best[name]:.3f} ms: {best['torch'] / best[name]:.2f}x" for name in ("eckart", "plan")
        ),
        flush=True,
    )
    return {"job": job, "milliseconds": best}


if __name__ == "__main__":
    main()
