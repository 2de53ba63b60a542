"""Files of ratings: separated text (plain or compressed) and parquet, read by pyarrow block by block.

Only the columns that are needed are converted, and no block outlives its turn. Whatever
cannot be read is an EckartError that names the file and the line.
"""

import csv
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError, one_line
from eckart.base.progress import Progress
from eckart.base.validation import check_bool
from eckart.data.collect import Collector
from eckart.data.column_names import choose_columns
from eckart.data.columns import RowError, is_text
from eckart.data.construction import check_dtype
from eckart.data.ratings import Ratings
from eckart.data.streams import Stream, check_line, check_unpacked
from eckart.data.text_blocks import UNIT, BrokenRow, TypeChanged, read_blocks

_SEPARATORS = ("::", "\t", ";", ",", "|", " ")
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NUMBER_OR_DATE = re.compile(_NUMBER + r"|\d{4}-\d\d-\d\d([T ][\d:.]+)?Z?|")
_MOST_BLANK_LINES = 10_000  # before the first other one
_ROW_BYTES = 3 * 8  # of user, item and value, as they come out of parquet
_ROLES_BY_PLACE = ("user", "item", "value", "timestamp")

Blocks = Iterator[tuple[dict[str, Any], float]]  # columns by role, and the share of the file so far
Reader = tuple[Callable[[list[str]], Blocks], Callable[[int], str]]
"""Blocks of a file, given the columns that must be text; and a function row → where it stands."""


@dataclass(frozen=True)
class Layout:
    """What the caller knows of a text file; None is guessed from its first line."""

    header: bool | None = None
    separator: str | None = None
    encoding: str = "utf8"


def read_ratings(
    path: Any,
    columns: Mapping[str, Any],
    layout: Layout,
    *,
    duplicates: str | None,
    dtype: Any,
    verbose: bool = False,
) -> Ratings:
    """See :meth:`Ratings.from_file`."""
    path, dtype = Path(os.fspath(path)), check_dtype(dtype)
    check_bool(verbose, "verbose")
    if not path.exists():
        raise EckartError(f"{path}: no such file")
    if path.is_dir():
        raise EckartError(f"{path}: expected a file, got a folder")
    parquet = path.suffix.lower() in (".parquet", ".pq")
    blocks, where = _parquet_blocks(path, columns) if parquet else _text_blocks(path, columns, layout)
    try:
        with Progress(f"reading {path.name}", 100, verbose) as bar:
            collector = _collected(blocks, dtype, bar)
        if collector.n == 0:
            raise EckartError(f"{path}: there is not one rating in it")
        return collector.ratings(duplicates)
    except RowError as error:
        raise EckartError(f"{path}: {where(error.row)}: {one_line(error.problem)}") from None
    except (TypeError, UnicodeError) as error:
        raise EckartError(f"{path}: {one_line(error)}") from None


def _collected(blocks: Callable[[Any], Blocks], dtype: Any, bar: Progress) -> Collector:
    """Return all blocks; a column that changes its kind on the way is read as text from the beginning."""
    texts: list[str] = []
    while True:
        collector = Collector(dtype)
        try:
            for block, share in blocks(texts):
                collector.add(block)
                bar.reach(int(100 * share), f"{collector.n:,} ratings")
            return collector
        except TypeChanged as change:
            texts.append(change.column)


def _parquet_blocks(path: Path, columns: Mapping[str, Any]) -> Reader:
    import pyarrow as pa
    import pyarrow.parquet as pq

    unreadable = f"{path}: not a readable parquet file"
    try:
        with pq.ParquetFile(path) as file:
            schema, n_rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise EckartError(f"{unreadable} ({one_line(error)})") from None
    chosen = choose_columns(schema.names, columns, str(path))
    check_unpacked(path, n_rows * _ROW_BYTES)
    names = list(dict.fromkeys(chosen.values()))
    coded = [name for name in names if is_text(schema.field(name).type)]

    def blocks(_texts: list[str]) -> Blocks:
        try:
            with pq.ParquetFile(path, read_dictionary=coded) as file:
                n = file.num_row_groups
                for group in range(n):
                    table = file.read_row_group(group, columns=names)
                    for name in names:
                        _check_coded(path, name, table[name])
                    yield {role: table[name] for role, name in chosen.items()}, (group + 1) / n
        except (pa.ArrowException, OSError) as error:
            raise EckartError(f"{unreadable} ({one_line(error)})") from None

    return blocks, lambda row: f"row {row}"


def _check_coded(path: Path, name: str, column: Any) -> None:
    """EckartError for codes beyond their dictionary or texts not in UTF-8: pyarrow looks at neither."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        problem = f"column {name!r}: expected a whole dictionary, texts in UTF-8"
        raise EckartError(f"{path}: {problem} ({one_line(error)})") from None


def _text_blocks(path: Path, columns: Mapping[str, Any], layout: Layout) -> Reader:
    import pyarrow as pa

    with closing(_lines(path)) as lines:  # a Ctrl-C in the generator's finalizer would be lost
        blank, first = _first_line(path, lines, layout)
    separator = layout.separator or next((s for s in _SEPARATORS if s in first), ",")
    fields = _fields(first, separator)
    numeric = [bool(_NUMBER_OR_DATE.fullmatch(field.strip())) for field in fields]
    header = not all(numeric) if layout.header is None else layout.header
    names = [field.strip() for field in fields] if header else _names_by_place(len(fields))
    try:
        chosen = choose_columns(names, columns, str(path))
    except EckartError as error:
        looks_like_data = header and any(numeric)
        hint = "; header=False if its first line is a rating already" if looks_like_data else ""
        raise EckartError(f"{error}{hint}") from None
    skip = blank + 1 if header else 0
    places = {role: f"f{names.index(name)}" for role, name in chosen.items()}

    def blocks(texts: list[str]) -> Blocks:
        try:
            for table, share in read_blocks(
                path, encoding=layout.encoding, separator=separator, n_columns=len(names), skip=skip,
                wanted=places.values(), texts=texts,
            ):  # fmt: skip
                yield {role: table[place] for role, place in places.items()}, share
        except BrokenRow as error:
            raise _broken(path, error.row, layout.encoding) from None
        except (pa.ArrowException, OSError, LookupError, UnicodeDecodeError) as error:
            raise EckartError(f"{path}: {one_line(error)}") from None

    return blocks, lambda row: f"line {_line_of_row(path, row, skip)}"


def _broken(path: Path, row: Any, encoding: str) -> EckartError:
    text = row.text.replace(UNIT, "::")
    line = _line_of_text(path, text, encoding)
    problem = f"expected {row.expected_columns} fields, got {row.actual_columns}: {text[:80]!r}"
    return EckartError(f"{path}: line {line}: {problem}")


def _lines(path: Path) -> Generator[bytes, None, None]:
    """The lines of a file, decompressed by its suffix, without their ends."""
    rest = b""
    try:
        with Stream(path) as stream:
            while block := stream.read(1 << 20):
                *whole, rest = (rest + block).split(b"\n")
                yield from (line.rstrip(b"\r") for line in whole)
                check_line(path, len(rest))
    except OSError as error:
        raise EckartError(f"{path}: cannot be read ({one_line(error)})") from None
    if rest:
        yield rest.rstrip(b"\r")


def _first_line(path: Path, lines: Iterable[bytes], layout: Layout) -> tuple[int, str]:
    """How many blank lines stand before the first other one, and that line."""
    for number, line in enumerate(lines):
        if number == _MOST_BLANK_LINES:
            raise EckartError(f"{path}: expected a text table, got {number} blank lines to begin with")
        if b"\0" in line:
            raise EckartError(f"{path}: expected a text table or parquet, got binary data")
        if line.strip():
            try:
                utf8 = layout.encoding.lower() in ("utf8", "utf-8")
                return number, line.decode("utf-8-sig" if utf8 else layout.encoding)
            except (UnicodeDecodeError, LookupError) as error:
                raise EckartError(f"{path}: line {number + 1}: {error}") from None
    raise EckartError(f"{path}: the file is empty")


def _line_of_row(path: Path, row: int, skip: int) -> int:
    """The line (from 1) of a row of the table; blank lines are no rows."""
    seen = -1
    for number, line in enumerate(_lines(path), start=1):
        seen += bool(line) and number > skip
        if seen == row:
            return number
    return skip + row + 1


def _line_of_text(path: Path, text: str, encoding: str) -> int:
    wanted = text.rstrip("\r\n").encode(encoding)
    return next((number for number, line in enumerate(_lines(path), start=1) if line == wanted), 0)


def _fields(line: str, separator: str) -> list[str]:
    return line.split(separator) if len(separator) > 1 else next(csv.reader([line], delimiter=separator))


def _names_by_place(n: int) -> list[str]:
    return [_ROLES_BY_PLACE[i] if i < len(_ROLES_BY_PLACE) else f"column {i}" for i in range(n)]
