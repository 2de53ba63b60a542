"""A character GPT trained beside PyTorch: the loss held out, and the seconds.

python benchmarks/peers/character_gpt.py [--data FILE] [--steps 2000] [--seeds 3] [--threads 2] [--json]

nanoGPT's configuration for a CPU, as `eckart reproduce character-gpt` trains it. Both libraries start from
the same weights, see the same windows in the same order, and are measured on all windows held out. Each in a
process of its own, in turn; PyTorch with its fused AdamW, on as many threads as eckart and on one: the faster
counts. Seconds are those of training, without measuring.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eckart.experiments._text import Corpus, Windows, given_corpus
from eckart.experiments.character_gpt import Protocol, train

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from data import shared_data


def run_eckart(corpus: Corpus, protocol: Protocol, seed: int) -> dict[str, Any]:
    found = train(corpus, protocol, seed)
    return {"held": found.held, "training": found.training, "seconds": found.seconds}


def run_torch(corpus: Corpus, p: Protocol, seed: int, threads: int) -> dict[str, Any]:
    import torch
    from torch.nn import functional
    from torch_gpt import GPT

    torch.set_num_threads(threads)
    net = GPT(len(corpus.tokenizer), p.context, p.layers, p.heads, p.width)
    ours = p.network(len(corpus.tokenizer), seed).state_dict()
    net.load_state_dict({name: torch.tensor(np.asarray(array)) for name, array in ours.items()})
    tensors = list(net.parameters())
    groups = [
        {"params": [t for t in tensors if t.dim() >= 2], "weight_decay": p.decay},
        {"params": [t for t in tensors if t.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=p.rate, betas=(0.9, 0.99), fused=True)

    def loss_of(x: Any, y: Any) -> Any:
        return functional.cross_entropy(net(torch.from_numpy(x)), torch.from_numpy(y).flatten())

    def measure() -> float:
        with torch.no_grad():
            losses = [(loss_of(x.copy(), y.copy()).item(), len(x)) for x, y in held.batches(0)]
        return sum(loss * n for loss, n in losses) / sum(n for _, n in losses)

    windows = Windows(corpus.training, p.context, p.batch, p.every, seed)
    held, step, seconds, means = corpus.held_windows(p.context), 0, 0.0, []
    found = [measure()]
    for epoch in range(p.steps // p.every):
        start, total = time.perf_counter(), 0.0
        for x, y in windows.batches(epoch):
            for group in optimizer.param_groups:
                group["lr"] = rate(p, step)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(x, y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(tensors, 1.0)
            optimizer.step()
            total += loss.item()
            step += 1
        seconds += time.perf_counter() - start
        means.append(total / p.every)
        found.append(measure())
    return {"held": found, "training": means, "seconds": seconds}


def rate(p: Protocol, step: int) -> float:
    """Return nanoGPT's rate: a warm-up along a line, then half a cosine."""
    if step < p.warmup:
        return p.rate * (step + 1) / (p.warmup + 1)
    share = (step - p.warmup) / (p.steps - p.warmup)
    return p.last_rate + 0.5 * (1 + math.cos(math.pi * share)) * (p.rate - p.last_rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the text (default: tiny Shakespeare of the shared data)")
    parser.add_argument("--steps", type=int, default=Protocol.steps, help="more than the warm-up's 100")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        library, seed, threads = json.loads(options.worker)
        protocol = replace(Protocol(), steps=options.steps, every=math.gcd(Protocol.every, options.steps))
        corpus, _ = given_corpus(options.data)
        run = run_eckart if library == "eckart" else run_torch
        print(json.dumps(run(corpus, protocol, seed, *([threads] if library == "torch" else []))))
        return
    if options.data is None:
        folder = shared_data()
        if folder is None:
            sys.exit("tiny Shakespeare was not found: give --data FILE, or set ECKART_SHARED_DATA")
        options.data = folder / "text" / "tinyshakespeare.txt.gz"
    report(options)


def report(options: argparse.Namespace) -> None:
    """Train with all settings in turn, print a line each, and then the comparison."""
    settings = [("eckart", options.threads), *(("torch", n) for n in sorted({options.threads, 1}))]
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for seed in range(options.seeds):
        for library, threads in settings:
            result = measured(library, seed, threads, options)
            found.setdefault((library, threads), []).append(result)
            if not options.json:
                print(
                    f"seed {seed} {library}, {threads} threads: held out {result['held'][-1]:.4f}, "
                    f"{result['seconds']:.1f} s; by {math.gcd(Protocol.every, options.steps)} steps "
                    f"{' '.join(f'{loss:.3f}' for loss in result['held'])}",
                    flush=True,
                )
    means = {key: np.mean([r["held"][-1] for r in runs]) for key, runs in found.items()}
    seconds = {key: np.mean([r["seconds"] for r in runs]) for key, runs in found.items()}
    ours, best = settings[0], min(settings[1:], key=seconds.__getitem__)
    summary = {
        "steps": options.steps, "seeds": options.seeds, "eckart": means[ours], "torch": means[best],
        "eckart_seconds": seconds[ours], "torch_seconds": seconds[best], "torch_threads": best[1],
        "ratio": seconds[best] / seconds[ours],
    }  # fmt: skip
    if options.json:
        print(json.dumps(summary))
        return
    print(
        f"mean of {options.seeds}: eckart {means[ours]:.4f} in {seconds[ours]:.1f} s, "
        f"torch {means[best]:.4f} in {seconds[best]:.1f} s ({best[1]} threads): {summary['ratio']:.2f}x"
    )


def measured(library: str, seed: int, threads: int, options: argparse.Namespace) -> Any:
    command = [sys.executable, __file__, "--worker", json.dumps([library, seed, threads])]
    command += ["--data", str(options.data), "--steps", str(options.steps)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{library} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
