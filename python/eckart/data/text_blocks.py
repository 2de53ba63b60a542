"""Separated text in blocks of whole lines, each parsed by pyarrow on all threads.

pyarrow's own streaming reader uses one thread and settles the types with the first block; its table
reader uses all, but keeps the whole file. So the file is cut here, and the table reader reads the parts.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError
from eckart.data.streams import Stream, check_line

BLOCK_BYTES = 1 << 25
UNIT = "\x1f"  # ASCII's own separator stands in for "::", since pyarrow splits at one byte
_DOUBLE = "::"


class TypeChanged(Exception):
    """A column turned out to be of another kind than in the blocks before: read it as text."""

    def __init__(self, column: str) -> None:
        self.column = column


class BrokenRow(Exception):
    """A row that has not as many fields as the others; `row` is pyarrow's InvalidRow."""

    def __init__(self, row: Any) -> None:
        self.row = row


def read_blocks(
    path: Path, *, encoding: str, separator: str, n_columns: int, skip: int, wanted: Iterable[str],
    texts: Iterable[str],
) -> Iterator[tuple[Any, float]]:  # fmt: skip
    """Yield (table, share of the file that is read) for each block of lines after the first `skip`.

    The tables have the columns `wanted` of f0, f1, ..., whose types pyarrow infers; those in `texts`
    are text. Texts come as dictionaries. Raises TypeChanged and BrokenRow.
    """
    parser = _Parser(encoding, separator, n_columns, list(dict.fromkeys(wanted)), list(texts))
    kinds: dict[str, str] = {}
    for block, share in _byte_blocks(path):
        table = parser.parse(block, skip)
        skip = 0
        if table is None:
            continue
        for field in table.schema:
            kind = _kind(field.type)
            if kind == "bytes":
                problem = f"not text in {encoding!r}; is its encoding another (say 'latin-1')?"
                raise EckartError(f"{path}: {problem}")
            if kind != "null" and kinds.setdefault(field.name, kind) != kind:
                raise TypeChanged(field.name)
        yield table, share


class _Parser:
    def __init__(
        self, encoding: str, separator: str, n_columns: int, wanted: list[str], texts: list[str]
    ) -> None:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        self._double = separator == _DOUBLE
        self._broken: list[Any] = []
        self._read = arrow_csv.ReadOptions(
            column_names=[f"f{i}" for i in range(n_columns)], encoding=encoding
        )
        self._parse = arrow_csv.ParseOptions(
            delimiter=UNIT if self._double else separator,
            quote_char=False if self._double else '"',
            invalid_row_handler=self._remember,
        )
        self._convert = arrow_csv.ConvertOptions(
            include_columns=wanted,
            column_types={name: pa.dictionary(pa.int32(), pa.string()) for name in texts},
            null_values=[""],
            strings_can_be_null=True,
            auto_dict_encode=True,
            auto_dict_max_cardinality=2**31 - 1,
        )

    def _remember(self, row: Any) -> str:
        self._broken.append(row)
        return "error"

    def parse(self, block: memoryview, skip: int) -> Any:
        """Return a table, or None for a block without rows."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        data = bytes(block).replace(_DOUBLE.encode(), UNIT.encode()) if self._double else block
        self._read.skip_rows = skip
        try:
            return arrow_csv.read_csv(pa.BufferReader(data), self._read, self._parse, self._convert)
        except pa.ArrowInvalid as error:
            if self._broken:
                raise BrokenRow(self._broken[0]) from None
            if "Empty CSV file" in str(error) or "Could not skip initial" in str(error):
                return None
            raise


def _byte_blocks(path: Path) -> Iterator[tuple[memoryview, float]]:
    """Yield about BLOCK_BYTES that end at a line's end, decompressed, and the share of the file so far.

    All blocks lie in one buffer: each is gone when the next is asked for.
    """
    with Stream(path) as stream:
        buffer, filled = bytearray(BLOCK_BYTES), 0
        while got := stream.readinto(memoryview(buffer)[filled:]):
            filled += got
            if filled < len(buffer):
                continue
            end = buffer.rfind(b"\n") + 1
            if not end:  # a line longer than a block
                check_line(path, filled)
                buffer = buffer + bytes(len(buffer))
                continue
            yield memoryview(buffer)[:end], stream.share
            filled -= end
            buffer[:filled] = buffer[end:]
        if filled:
            yield memoryview(buffer)[:filled], 1.0


def _kind(type_: Any) -> str:
    """What columns of several blocks have in common; types of one kind go together."""
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    if pa.types.is_binary(type_):
        return "bytes"
    return "text" if pa.types.is_string(type_) else "time" if pa.types.is_temporal(type_) else str(type_)
