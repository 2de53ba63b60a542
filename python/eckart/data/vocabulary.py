"""Ids and their codes: the caller's users and items ↔ 0, 1, ..., n - 1."""

import math
import numbers
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError
from eckart.base.state import State
from eckart.data.columns import RowError, id_column
from eckart.data.factorize import MAX_IDS, encode_integers, factorize_integers, factorize_strings
from eckart.data.strings import Strings

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FEW = 64  # ids that are looked up one by one: faster than a column, and pyarrow stays unloaded


class Vocabulary:
    """Distinct ids in a fixed order; the code of an id is its place.

    Built from a column, the ids stand in sorted order, so codes do not depend on the order of rows.
    :meth:`extended` appends, so that old codes stay valid. Three kinds: ``"range"`` (the ids are
    0..n-1 themselves and nothing is stored: matrix input), ``"integer"`` and ``"string"``.
    An id is looked up in the vocabulary's own kind: 42 finds "42" among strings, "42" finds 42
    among integers (the command line knows only text).
    """

    def __init__(self, ids: "NDArray[np.int64] | Strings | int", n_sorted: int | None = None) -> None:
        """Internal: use :meth:`from_column` or :meth:`from_range`. Ids must be distinct, the first
        `n_sorted` rising (None: all of them)."""
        self._ids = ids
        self._n = ids if isinstance(ids, int) else len(ids)
        self._n_sorted = self._n if n_sorted is None else n_sorted
        self._tail_order: NDArray[np.int64] | None = None
        if self._n > MAX_IDS:
            raise ValueError(f"expected at most {MAX_IDS} distinct ids, got {self._n}")

    @classmethod
    def from_range(cls, n: int) -> "Vocabulary":
        """The ids 0..n-1 of a matrix with n rows or columns."""
        return cls(int(n))

    @classmethod
    def from_column(cls, values: Any, name: str = "ids") -> "tuple[Vocabulary, NDArray[np.int32]]":
        """Return the vocabulary of a column and the code of every row, (n_rows,) int32.

        `values`: integers, whole floats or texts (array, list, series). RowError (a ValueError)
        names the row of a missing id or a float that is not whole; truth values are a TypeError.
        """
        column = id_column(values, name)
        if isinstance(column, np.ndarray):
            return cls.from_integers(column)
        strings, codes = factorize_strings(column)
        return cls(strings), codes

    @classmethod
    def from_integers(cls, column: NDArray[Any]) -> "tuple[Vocabulary, NDArray[np.int32]]":
        """The same for an int32 or int64 array."""
        ids, codes = factorize_integers(column)
        return cls(_as_range(ids)), codes

    @property
    def kind(self) -> str:
        """``"range"``, ``"integer"`` or ``"string"``."""
        if isinstance(self._ids, int):
            return "range"
        return "string" if isinstance(self._ids, Strings) else "integer"

    def __len__(self) -> int:
        return self._n

    def __repr__(self) -> str:
        shown = ", ".join(repr(i) for i in self.decode(np.arange(min(3, self._n))).tolist())
        return f"Vocabulary({self._n} {self.kind} ids: {shown}{', ...' if self._n > 3 else ''})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        if self is other:
            return True
        if self.kind != other.kind or self._n != other._n:
            return False
        if isinstance(self._ids, np.ndarray):
            return np.array_equal(self._ids, other._ids)  # type: ignore[arg-type]
        return self._ids == other._ids

    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, id: Any) -> bool:
        try:
            return self._find(id) >= 0
        except (TypeError, ValueError):
            return False

    def code(self, id: Any) -> int:
        """Return the code of one id; KeyError with the id if it is unknown."""
        code = self._find(id)
        if code < 0:
            raise KeyError(id)
        return code

    def encode(self, values: Any) -> NDArray[np.int32]:
        """Return the codes of a column of ids, (n,) int32; -1 for unknown ids."""
        if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iu":
            return self._encode_integers(id_column(values, "ids"))
        one_by_one = isinstance(values, list | tuple | np.ndarray) and np.ndim(values) == 1
        if one_by_one and len(values) <= _FEW:
            return self._encode_singly(values)
        try:
            column = id_column(values, "ids")
        except TypeError:
            if not one_by_one:
                raise
            return self._encode_singly(values)  # numbers and texts mixed, or an error that names the row
        if isinstance(column, np.ndarray):
            return self._encode_integers(column)
        return self._encode_texts(column)

    def decode(self, codes: Any) -> NDArray[Any]:
        """Return the ids of codes, (n,): int64, or object (str). IndexError for a code outside [0, len)."""
        codes = np.asarray(codes, dtype=np.int64)
        if codes.size and (codes.min() < 0 or codes.max() >= self._n):
            bad = codes.min() if codes.min() < 0 else codes.max()
            raise IndexError(f"codes: expected codes in [0, {self._n}), got {bad}")
        if isinstance(self._ids, int):
            return codes.copy()
        return self._ids.take(codes) if isinstance(self._ids, Strings) else np.asarray(self._ids)[codes]

    def ids(self) -> NDArray[Any]:
        """Return all ids in the order of their codes, (len,)."""
        return self.decode(np.arange(self._n))

    def codes_in(self, other: "Vocabulary") -> NDArray[np.int32]:
        """Return the code in `other` of each of these ids, (len,) int32; -1 where it lacks one."""
        if self == other:
            return np.arange(self._n, dtype=np.int32)
        if isinstance(self._ids, Strings):
            return other._encode_texts(self._ids.to_arrow())
        return other._encode_integers(self.ids())

    def extended(self, values: Any) -> "Vocabulary":
        """Return a vocabulary with the new ids of a column appended in sorted order; old codes stay.

        ValueError for an id that is not of the vocabulary's kind (a word among integers).
        """
        column = id_column(values, "ids")
        if self.kind == "string" or (self._n == 0 and not isinstance(column, np.ndarray)):
            return self._extended_texts(column)
        if not isinstance(column, np.ndarray):
            column = np.array(
                [_whole(text, row) for row, text in enumerate(column.to_pylist())], dtype=np.int64
            )
        new = np.unique(column[self._encode_integers(column) < 0])
        if len(new) == 0:
            return self
        old = self.ids()
        still_sorted = self._n_sorted == self._n and (self._n == 0 or new[0] > old[-1])
        joined = np.concatenate([old, new])
        return Vocabulary(_as_range(joined), None if still_sorted else self._n_sorted)

    def _extended_texts(self, column: Any) -> "Vocabulary":
        import pyarrow as pa

        if isinstance(column, np.ndarray):
            column = pa.array(column).cast(pa.large_string())
        old = self._ids if isinstance(self._ids, Strings) else Strings.from_texts([])
        unknown = column.filter(pa.array(self._encode_texts(column) < 0))
        if len(unknown) == 0:
            return self
        new, _ = factorize_strings(unknown)
        still_sorted = self._n_sorted == self._n and (self._n == 0 or new.raw(0) > old.raw(self._n - 1))
        return Vocabulary(old.joined(new), None if still_sorted else self._n_sorted)

    def _encode_singly(self, values: Any) -> NDArray[np.int32]:
        return np.array([self._find(id, row) for row, id in enumerate(values)], dtype=np.int32)

    def _find(self, id: Any, row: int | None = None) -> int:
        """Return the code of one id or -1. `row` is its place in a column, for the message."""
        where = "" if row is None else f" (row {row})"
        if isinstance(id, numbers.Real) and not isinstance(id, bool | np.bool_):
            if not math.isfinite(id) or id != int(id):
                raise ValueError(f"ids: expected integers or texts, got {id!r}{where}")
            id = int(id)
        elif not isinstance(id, str):
            raise TypeError(f"ids: expected integers or texts, got {id!r}{where}")
        if isinstance(self._ids, Strings):
            return self._find_bytes(str(id).encode(errors="surrogatepass"))
        if isinstance(id, str):
            if not _INTEGER.fullmatch(id):
                return -1
            id = int(id)
        if isinstance(self._ids, int):
            return id if 0 <= id < self._n else -1
        if not -(2**63) <= id < 2**63:
            return -1
        return int(self._encode_integers(np.array([id], dtype=np.int64))[0])

    def _find_bytes(self, wanted: bytes) -> int:
        """Binary search among the sorted ids, then among the appended ones."""
        order = self._order_of_tail()
        for n, place in ((self._n_sorted, lambda i: i), (len(order), order.__getitem__)):
            low, high = 0, n
            while low < high:
                middle = (low + high) // 2
                if self._ids.raw(place(middle)) < wanted:  # type: ignore[union-attr]
                    low = middle + 1
                else:
                    high = middle
            if low < n and self._ids.raw(place(low)) == wanted:  # type: ignore[union-attr]
                return int(place(low))
        return -1

    def _encode_integers(self, values: NDArray[np.int64]) -> NDArray[np.int32]:
        if isinstance(self._ids, int):
            return np.where((values >= 0) & (values < self._n), values, -1).astype(np.int32)
        if isinstance(self._ids, Strings):
            import pyarrow as pa

            return self._encode_texts(pa.array(values).cast(pa.large_string()))
        codes = encode_integers(values, self._ids[: self._n_sorted])
        order = self._order_of_tail()
        if len(order):
            missing = np.flatnonzero(codes < 0)
            places = encode_integers(values[missing], self._ids[order])
            codes[missing] = np.where(places < 0, -1, order[places])
        return codes

    def _encode_texts(self, column: Any) -> NDArray[np.int32]:
        if not isinstance(self._ids, Strings):
            codes = [self._find(text) for text in column.to_pylist()]
            return np.array(codes, dtype=np.int32)
        import pyarrow as pa
        import pyarrow.compute as pc

        codes = pc.index_in(column, value_set=self._ids.to_arrow()).cast(pa.int32())
        return codes.fill_null(-1).to_numpy(zero_copy_only=False)

    def _order_of_tail(self) -> NDArray[np.int64]:
        """Codes of the appended ids in sorted order; worked out at the first look-up that needs it."""
        if self._tail_order is None:
            tail = np.arange(self._n_sorted, self._n, dtype=np.int64)
            if isinstance(self._ids, np.ndarray):
                tail = tail[np.argsort(self._ids[self._n_sorted :], kind="stable")]
            elif isinstance(self._ids, Strings):
                tail = np.array(sorted(tail.tolist(), key=self._ids.raw), dtype=np.int64)
            self._tail_order = tail
        return self._tail_order

    def _get_state(self, interactions: bool = True) -> State:
        if isinstance(self._ids, Strings):
            state = self._ids._get_state()
        else:
            state = State({} if isinstance(self._ids, int) else {"ids": self._ids})
        state.meta = {"kind": self.kind, "size": self._n, "sorted": self._n_sorted}
        return state

    @classmethod
    def _from_state(cls, state: State) -> "Vocabulary":
        kind, n, n_sorted = (state.meta.get(name) for name in ("kind", "size", "sorted"))
        sizes_fit = type(n) is int and type(n_sorted) is int and 0 <= n_sorted <= n <= MAX_IDS
        if kind not in ("range", "integer", "string") or not sizes_fit:
            raise EckartError(f"damaged file: no vocabulary is {state.meta!r}")
        if kind == "range":
            return cls(n)
        if kind == "integer":
            ids = state.array("ids", shape=(n,), dtype=np.int64)
            rising = bool(np.all(ids[1:n_sorted] > ids[: max(n_sorted - 1, 0)]))
            vocabulary = cls(ids, n_sorted)
        else:
            strings = Strings._from_state(state, n, "ids")
            # The bytes of the sorted part end where its last string does.
            head = Strings(strings.data[: strings.offsets[n_sorted]], strings.offsets[: n_sorted + 1])
            rising = head.first_not_rising() < 0
            vocabulary = cls(strings, n_sorted)
        if not rising or not vocabulary._tail_is_distinct():
            raise EckartError("damaged file: the ids of a vocabulary are not distinct and sorted")
        return vocabulary

    def _tail_is_distinct(self) -> bool:
        tail = self.decode(np.arange(self._n_sorted, self._n))
        if len(set(tail.tolist())) != len(tail):
            return False
        head = Vocabulary(self._ids, self._n_sorted)
        head._tail_order = np.empty(0, dtype=np.int64)  # look in the sorted part alone
        return all(head._find(id) < 0 for id in tail.tolist())


def _as_range(ids: NDArray[np.int64]) -> "NDArray[np.int64] | int":
    """The ids 0..n-1 are stored as their number alone."""
    n = len(ids)
    whole = n == 0 or (ids[0] == 0 and ids[-1] == n - 1 and np.array_equal(ids, np.arange(n)))
    return n if whole else ids


def _whole(text: str, row: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise RowError(f"ids: expected integers, as this vocabulary holds, got {text!r}", row)
    return int(text)
