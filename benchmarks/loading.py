"""Loading ratings beside what pyarrow takes to parse the same three columns.

python benchmarks/loading.py [--ratings 20000000] [--ids integers|texts] [--shuffle]

Writes the ratings of `make_ratings` (MovieLens-20M's shape, scaled) as csv and parquet into a folder of
its own, and reads each in a process of its own: by pyarrow alone, and by `Ratings.from_file`, which also
indexes the ids and refuses repeated pairs. The answer is checked before a time is printed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import growth

COLUMNS = ["user", "item", "rating"]


def write(folder: Path, n: int, texts: bool, shuffle: bool) -> np.ndarray:
    """Write ratings.csv and ratings.parquet; return the sums that tell whether they were read rightly."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    from eckart.datasets import make_ratings

    scale = (n / 20_000_000) ** 0.5
    sizes = int(138_493 * scale), int(26_744 * scale)
    ratings = make_ratings(*sizes, n, rank=8, random_state=0, step=0.5).ratings
    order = np.random.default_rng(0).permutation(n) if shuffle else slice(None)
    table = {}
    for name, index in (("user", ratings.user_index), ("item", ratings.item_index)):
        ids = np.arange(index.max() + 1) + 1
        column = np.array([f"{name}-{i:09d}" for i in ids], dtype=object) if texts else ids
        table[name] = pa.array(column).take(pa.array(index[order]))
    table["rating"] = pa.array(ratings.values[order].astype(np.float64))
    table["timestamp"] = pa.array(np.arange(n) + 1_000_000_000)
    pa.csv.write_csv(pa.table(table), folder / "ratings.csv")
    pa.parquet.write_table(pa.table(table), folder / "ratings.parquet")
    return np.array([n, len(np.unique(ratings.user_index)), float(ratings.values.sum(dtype=np.float64))])


def read(reader: str, path: Path) -> dict[str, float]:
    """Read once; what is imported already does not count."""
    import pyarrow.csv
    import pyarrow.parquet

    import eckart as ek

    if reader == "pyarrow" and path.suffix == ".csv":
        options = pyarrow.csv.ConvertOptions(include_columns=COLUMNS)
        table, seconds, rise = growth(lambda: pyarrow.csv.read_csv(path, convert_options=options))
    elif reader == "pyarrow":
        table, seconds, rise = growth(lambda: pyarrow.parquet.read_table(path, columns=COLUMNS))
    else:
        data = ek.data.Ratings
        ratings, seconds, rise = growth(lambda: data.from_file(path, timestamp=False))
        found = [len(ratings), ratings.n_users, float(ratings.values.sum(dtype=np.float64))]
        return {"seconds": seconds, "rise": rise, "found": found}
    found = [table.num_rows, len(table["user"].unique()), float(table["rating"].to_numpy().sum())]
    return {"seconds": seconds, "rise": rise, "found": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--ids", choices=("integers", "texts"), default="integers")
    parser.add_argument("--shuffle", action="store_true", help="rows in random order, not by user")
    parser.add_argument("--read", nargs=2, metavar=("READER", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        print(json.dumps(read(options.read[0], Path(options.read[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        want = write(Path(folder), options.ratings, options.ids == "texts", options.shuffle)
        print(f"{options.ratings:,} ratings, {options.ids} as ids, {os.cpu_count()} processors")
        print(f"{'file':<18}{'MB':>7}  {'pyarrow alone':>22}  {'Ratings.from_file':>22}{'ratio':>8}")
        for name in ("ratings.csv", "ratings.parquet"):
            path = Path(folder) / name
            cells = []
            for reader in ("pyarrow", "eckart"):
                command = [sys.executable, __file__, "--read", reader, str(path)]
                out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                cells.append(json.loads(out.splitlines()[-1]))
                np.testing.assert_allclose(cells[-1]["found"], want, rtol=1e-9)
            shown = [f"{c['seconds']:6.2f} s, +{c['rise'] / 1e6:6.0f} MB" for c in cells]
            ratio = cells[1]["seconds"] / cells[0]["seconds"]
            size = path.stat().st_size / 1e6
            print(f"{name:<18}{size:>7.0f}  {shown[0]:>22}  {shown[1]:>22}{ratio:>8.2f}")


if __name__ == "__main__":
    main()
