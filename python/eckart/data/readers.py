"""Files of ratings: separated text (plain or compressed) and parquet, read by pyarrow.

Only the columns that are needed are converted. Whatever cannot be read is an EckartError that names
the file and the line.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError, one_line
from eckart.data.column_names import choose_columns
from eckart.data.columns import RowError
from eckart.data.construction import from_columns
from eckart.data.ratings import Ratings
from eckart.data.streams import check_unpacked, open_stream, read_all

_SEPARATORS = ("::", "\t", ";", ",", "|", " ")
_UNIT = "\x1f"  # ASCII's own separator stands in for "::", since pyarrow splits at one byte
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NUMBER_OR_DATE = re.compile(_NUMBER + r"|\d{4}-\d\d-\d\d([T ][\d:.]+)?Z?|")
_LONGEST_LINE = (
    1 << 24
)  # bytes; without a bound a file without one line end would be looked at in quadratic time
_MOST_BLANK_LINES = 10_000  # before the first other one
_ROW_BYTES = 3 * 8  # of user, item and value, as they come out of parquet
_ROLES_BY_PLACE = ("user", "item", "value", "timestamp")


@dataclass(frozen=True)
class Layout:
    """What the caller knows of a text file; None is guessed from its first line."""

    header: bool | None = None
    separator: str | None = None
    encoding: str = "utf8"


def read_ratings(
    path: Any, columns: Mapping[str, Any], layout: Layout, *, duplicates: str | None, dtype: Any
) -> Ratings:
    """See :meth:`Ratings.from_file`."""
    path = Path(os.fspath(path))
    if not path.exists():
        raise EckartError(f"{path}: no such file")
    if path.is_dir():
        raise EckartError(f"{path}: expected a file, got a folder")
    parquet = path.suffix.lower() in (".parquet", ".pq")
    table, where = _read_parquet(path, columns) if parquet else _read_text(path, columns, layout)
    if table.num_rows == 0:
        raise EckartError(f"{path}: there is not one rating in it")
    try:
        return from_columns({role: table[role] for role in table.column_names}, duplicates, dtype)
    except RowError as error:
        raise EckartError(f"{path}: {where(error.row)}: {one_line(error.problem)}") from None
    except (TypeError, UnicodeError) as error:
        raise EckartError(f"{path}: {one_line(error)}") from None


def _read_parquet(path: Path, columns: Mapping[str, Any]) -> tuple[Any, Callable[[int], str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            chosen = choose_columns(file.schema_arrow.names, columns, str(path))
            check_unpacked(path, file.metadata.num_rows * _ROW_BYTES)
            table = file.read(columns=list(dict.fromkeys(chosen.values())))
    except (pa.ArrowException, OSError) as error:
        raise EckartError(f"{path}: not a readable parquet file ({one_line(error)})") from None
    arrays = {role: table[name] for role, name in chosen.items()}
    return pa.table(arrays), lambda row: f"row {row}"


def _read_text(path: Path, columns: Mapping[str, Any], layout: Layout) -> tuple[Any, Callable[[int], str]]:
    """Return the table with one column a role, and a function row → "line n"."""
    import pyarrow as pa

    blank, first = _first_line(path, layout)
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
    table = _parse(path, layout.encoding, separator, len(names), skip, places.values())
    arrays = pa.table({role: table[place] for role, place in places.items()})
    return arrays, lambda row: f"line {_line_of_row(path, row, skip)}"


def _parse(path: Path, encoding: str, separator: str, n_columns: int, skip: int, wanted: Any) -> Any:
    """Read the columns `wanted` of f0, f1, ..., whose types pyarrow infers."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    broken: list[Any] = []

    def remember(row: Any) -> str:
        broken.append(row)
        return "error"

    names = [f"f{i}" for i in range(n_columns)]
    double = separator == "::"
    read = arrow_csv.ReadOptions(column_names=names, skip_rows=skip, encoding=encoding)
    parse = arrow_csv.ParseOptions(
        delimiter=_UNIT if double else separator,
        quote_char=False if double else '"',
        invalid_row_handler=remember,
    )
    columns = list(dict.fromkeys(wanted))
    convert = arrow_csv.ConvertOptions(include_columns=columns, null_values=[""], strings_can_be_null=True)
    try:
        with open_stream(path) as stream:
            source = pa.BufferReader(read_all(stream).replace(b"::", _UNIT.encode())) if double else stream
            table = arrow_csv.read_csv(source, read, parse, convert)
    except (pa.ArrowException, OSError, LookupError, UnicodeDecodeError) as error:
        raise _explained(path, error, broken, encoding) from None
    if any(pa.types.is_binary(column.type) for column in table.columns):
        raise EckartError(f"{path}: not text in {encoding!r}; is its encoding another (say 'latin-1')?")
    return table


def _explained(path: Path, error: Exception, broken: list[Any], encoding: str) -> EckartError:
    """What pyarrow said, in terms of the file."""
    if broken:
        row = broken[0]
        text = row.text.replace(_UNIT, "::")
        line = _line_of_text(path, text, encoding)
        problem = f"expected {row.expected_columns} fields, got {row.actual_columns}: {text[:80]!r}"
        return EckartError(f"{path}: line {line}: {problem}")
    if "Empty CSV file" in str(error) or "Could not skip initial" in str(error):
        return EckartError(f"{path}: there is not one rating in it")
    return EckartError(f"{path}: {one_line(error)}")


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, decompressed by its suffix, without their ends."""

    rest = b""
    try:
        with open_stream(path) as stream:
            while block := stream.read(1 << 20):
                *whole, rest = (rest + block).split(b"\n")
                yield from (line.rstrip(b"\r") for line in whole)
                if len(rest) > _LONGEST_LINE:
                    raise EckartError(f"{path}: expected a text table, got a line of over {len(rest)} bytes")
    except OSError as error:
        raise EckartError(f"{path}: cannot be read ({one_line(error)})") from None
    if rest:
        yield rest.rstrip(b"\r")


def _first_line(path: Path, layout: Layout) -> tuple[int, str]:
    """How many blank lines stand before the first other one, and that line."""
    for number, line in enumerate(_lines(path)):
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
