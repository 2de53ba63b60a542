"""Plain columns as a table of the caller's choice, or as a file of one."""

import os
from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError
from eckart.base.validation import check_option

BACKENDS = ("pandas", "polars", "pyarrow")


def table_from_columns(columns: dict[str, Any], backend: str) -> Any:
    """Return a "pandas", "polars" or "pyarrow" table of named columns (lists or arrays of one length)."""
    import pyarrow as pa

    check_option(backend, "backend", BACKENDS)
    table = pa.table(columns)
    if backend == "pandas":
        return table.to_pandas()
    if backend == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return table


def write_table(table: Any, path: str | os.PathLike[str]) -> None:
    """Write a pyarrow table to `path`, whole or not at all: csv where the name ends in .csv, else parquet.

    Raises EckartError when the file cannot be written.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    try:
        if target.suffix == ".csv":
            from pyarrow import csv

            csv.write_csv(table, partial)
        else:
            from pyarrow import parquet

            parquet.write_table(table, partial)
        os.replace(partial, target)
    except OSError as error:
        raise EckartError(f"cannot write {target}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
