"""Kills (-9) children that save in a loop: afterwards the old or the new file must stand there, whole.

Usage: python tools/kill_saves.py [--kills 200] [--seed 0]
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.strength.kills import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run(options.kills, options.seed, Path(folder))
    print(
        f"{report.kills} kills: {report.even} times the one file, {report.odd} times the other; "
        f"{report.leftovers} left a .partial file"
    )
    print("\n".join(report.failures) or "every file was whole")
    sys.exit(bool(report.failures))
