"""Plain columns as a table of the caller's choice."""

from typing import Any

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
