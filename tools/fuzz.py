"""Opens thousands of damaged csv, gz, parquet and model files: no crash, no hang, no unbounded memory.

Usage: python tools/fuzz.py [--files 10000] [--seed 0]

Every file loads, and then answers, or is refused with an error that says why. What does not is listed with
its number, and the exit code is 1; tests/strength/fuzzing.py says how to build that file again.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.strength.fuzzing import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    report = run(options.files, options.seed)
    for outcome, count in report.outcomes.most_common():
        print(f"{count:7,d}  {outcome}")
    print("\n".join(report.failures) or f"no failure in {time.perf_counter() - start:.0f} s")
    sys.exit(bool(report.failures))
