"""Ratings that come in blocks of rows: each block is cut down to codes and numbers before the next.

A file of twenty million rows is so never in memory as a table; what stays of a row is two int32
numbers and a float, until the last block fixes the codes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.data.columns import (
    RowError,
    id_column,
    is_text,
    timestamp_column,
    title_column,
    value_column,
)
from eckart.data.factorize import sorted_strings
from eckart.data.ratings import Ratings
from eckart.data.strings import Strings
from eckart.data.vocabulary import Vocabulary

_INT32 = np.iinfo(np.int32)
_FEW = 1 << 16  # distinct texts that are not worth a merge


class Collector:
    """Takes blocks of columns by role ("user", "item" and perhaps "value", "timestamp", "title").

    Every block has the same roles, and ids of the same kind: integers or texts.
    """

    def __init__(self, dtype: Any) -> None:
        self.n = 0
        self._dtype = dtype
        self._users, self._items = IdColumn("users"), IdColumn("items")
        self._values: list[NDArray[Any]] = []
        self._timestamps: list[NDArray[np.int64]] = []
        self._titles = TextColumn()

    def add(self, columns: Mapping[str, Any]) -> None:
        """Take a block. RowError counts rows from the first block's first; TypeError as columns.py."""
        try:
            self._users.add(columns["user"])
            self._items.add(columns["item"])
            if "value" in columns:
                self._values.append(_own(value_column(columns["value"], "values", self._dtype)))
            if "timestamp" in columns:
                self._timestamps.append(_own(timestamp_column(columns["timestamp"], "timestamps")))
            if "title" in columns:
                self._titles.add(title_column(columns["title"], "item_titles"))
        except RowError as error:
            raise RowError(error.problem, self.n + error.row) from None
        self.n += len(columns["user"])

    def ratings(self, duplicates: str | None) -> Ratings:
        """Return what came, and forget it. ValueError for repeated pairs, as `duplicates` has it."""
        users, user_index = self._users.finish()
        items, item_index = self._items.finish()
        counted = not self._values
        values = np.ones(self.n, dtype=self._dtype) if counted else _joined(self._values)
        timestamps = _joined(self._timestamps) if self._timestamps else None
        ratings = Ratings(
            user_index,
            item_index,
            values,
            users,
            items,
            timestamps=timestamps,
            titles=self._titles.of_items(item_index, len(items)),
            counted=counted,
        )
        return ratings.deduplicated(duplicates or ("sum" if counted else "error"))


class IdColumn:
    """A column of ids in blocks: integers in the 32 bits that nearly always do, or coded texts."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._integers: list[NDArray[Any]] = []
        self._texts = TextColumn()

    def add(self, values: Any) -> None:
        if _is_coded_text(values) and not values.null_count:
            self._texts.add(values)
            return
        column = id_column(values, self._name)
        if isinstance(column, np.ndarray):
            self._integers.append(_narrowed(column))
        else:
            self._texts.add(column)

    def finish(self) -> tuple[Vocabulary, NDArray[np.int32]]:
        """Return the sorted vocabulary and the code of every row."""
        if self._integers:
            return Vocabulary.from_integers(_joined(self._integers))
        strings, rank = sorted_strings(self._texts.merged())
        return Vocabulary(strings), rank[_joined(self._texts.codes)]


class TextColumn:
    """A column of texts in blocks: a code a row, and the distinct texts in the order of appearance.

    Blocks bring dictionaries of their own, which wait until together they are as large as the common
    one: so every text is hashed a few times in all, and little more than the distinct ones is kept.
    """

    def __init__(self) -> None:
        self.codes: list[NDArray[np.int32]] = []
        self._common: Any = None
        self._waiting: list[Any] = []

    def add(self, column: Any) -> None:
        """Take texts without nulls: a pyarrow array or chunked array, of a text type or a dictionary."""
        import pyarrow as pa

        if isinstance(column, pa.ChunkedArray):
            column = column.unify_dictionaries().combine_chunks()
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        self.codes.append(encoded.indices.cast(pa.int32()).to_numpy(zero_copy_only=False))
        self._waiting.append(encoded.dictionary.cast(pa.large_string()))
        if sum(map(len, self._waiting)) > max(_FEW, 0 if self._common is None else len(self._common)):
            self.merged()

    def merged(self) -> Any:
        """Return the distinct texts as a large_string array of pyarrow; all codes then are places in it."""
        import pyarrow as pa

        if self._waiting:
            known = [] if self._common is None else [self._common]  # stand first, so their codes stay
            encoded = pa.concat_arrays(known + self._waiting).dictionary_encode()
            places = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
            begin = sum(map(len, known))
            first = len(self.codes) - len(self._waiting)
            for block, texts in enumerate(self._waiting, start=first):
                self.codes[block] = places[begin : begin + len(texts)][self.codes[block]]
                begin += len(texts)
            self._common, self._waiting = encoded.dictionary, []
        return pa.array([], pa.large_string()) if self._common is None else self._common

    def of_items(self, item_index: NDArray[np.int32], n_items: int) -> Strings | None:
        """Return the text in the first row of every item; None for a column that never came."""
        if not self.codes:
            return None
        texts, codes = self.merged(), _joined(self.codes)
        row = np.empty(n_items, dtype=np.int64)
        row[item_index[::-1]] = np.arange(len(item_index) - 1, -1, -1)
        return Strings.from_arrow(texts.take(codes[row]))


def _is_coded_text(values: Any) -> bool:
    import pyarrow as pa

    coded = isinstance(values, pa.Array | pa.ChunkedArray) and pa.types.is_dictionary(values.type)
    return coded and is_text(values.type.value_type)


def _narrowed(column: NDArray[np.int64]) -> NDArray[Any]:
    fits = not len(column) or (_INT32.min <= column.min() and column.max() <= _INT32.max)
    return column.astype(np.int32) if fits else _own(column)


def _own(column: NDArray[Any]) -> NDArray[Any]:
    """A view into a block would keep the block."""
    return column if column.flags.owndata else column.copy()


def _joined(blocks: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the blocks in one array, and let go of each."""
    whole = np.concatenate(blocks)
    blocks.clear()
    return whole
