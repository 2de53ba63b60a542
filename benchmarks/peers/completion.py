"""Speed of ALS and of top-k lists beside other libraries: the same ratings, threads and checked answer.

    python benchmarks/peers/completion.py                    # everything, about ten minutes
    python benchmarks/peers/completion.py --quick            # small data: does it run at all?
    python benchmarks/peers/completion.py --job als --peers implicit cmfrec --json results.json

Each library runs in a process of its own with the same number of threads. The time is the marginal
cost of an iteration, (seconds of 1 + n iterations - seconds of 1) / n, of eckart and the peer in
turns; the ratio is the median over the pairs. Before a time counts the answer is checked: peers with
eckart's objective must reach eckart's value of it on small data, the others must have learned. A peer
is tried at each of its settings (threads of BLAS, blocks) and measured at its best. Peers come with the extra
`bench`; Spark (`pip install pyspark`) needs Java too. `--python` names an interpreter that has them.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from completion_comparisons import COMPARISONS, JOBS
from completion_runner import Runner
from report import machine, markdown


def seconds(value: float) -> str:
    """Return three digits."""
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(results: list[dict]) -> str:
    header = ("job", "ratings", "peer", "eckart s", "peer s", "peer / eckart", "pairs", "checked answer")
    rows = [
        (
            r["job"], r["shape"], ", ".join(filter(None, (r["peer"], r["peer_setting"]))),
            seconds(r["eckart_seconds"]), seconds(r["peer_seconds"]), f"{r['ratio']:.2f}×", r["pairs"],
            r["answer"],
        )
        for r in results
    ]  # fmt: skip
    return markdown(header, rows)


def report(runner: Runner, results: list[dict], args: argparse.Namespace, started: float) -> None:
    """Print the table in Markdown with all that is needed to judge it."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(runner.versions.items()))
    command = " ".join(["python benchmarks/peers/completion.py", *sys.argv[1:]])
    print(f"\n{machine()}; {args.threads} threads; float32{'; SMALL DATA' if args.quick else ''}")
    print(f"{versions}; Python {sys.version.split()[0]}")
    print(f"`{command}`: {(time.monotonic() - started) / 60:.1f} minutes\n")
    print(table(results))
    for what, why in runner.failures:
        print(f"\nNot measured: {what}: {why}")
    if args.json:
        document = {
            "machine": machine(), "threads": args.threads, "versions": runner.versions, "quick": args.quick,
            "results": results, "failures": [{"what": what, "why": why} for what, why in runner.failures],
        }  # fmt: skip
        Path(args.json).write_text(json.dumps(document, indent=1) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    jobs = "; ".join(f"{name}: {what}" for name, what in JOBS.items())
    peers = sorted({comparison.library for comparison in COMPARISONS})
    parser.add_argument("--job", nargs="+", choices=list(JOBS), default=list(JOBS), help=jobs)
    parser.add_argument("--peers", nargs="+", choices=peers, default=peers)
    parser.add_argument("--quick", action="store_true", help="small data, one pair each: tests the script")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=8, help="after these no further pair is begun")
    parser.add_argument("--timeout", type=float, default=180, help="seconds for one fit of a child")
    parser.add_argument("--python", default=sys.executable, help="interpreter that the peers run under")
    parser.add_argument("--json", help="write the results to this file")
    return parser.parse_args()


def main() -> None:
    args, started = parse(), time.monotonic()
    results: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder), args, deadline=started + 60 * args.minutes)
        try:
            for comparison in COMPARISONS:
                if comparison.library in args.peers:
                    results += runner.compare(comparison, args.job)
        finally:
            runner.close()
    report(runner, results, args, started)


if __name__ == "__main__":
    main()
