"""Many texts in two arrays: UTF-8 bytes and offsets.

This is how ids and titles lie in a model file, so a file that is mapped into memory can answer for
one of them without reading the others. Safetensors knows no strings, and a list of a million
Python strings takes a second to build.
"""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.errors import EckartError
from eckart.base.state import State
from eckart.base.threads import get_num_threads


class Strings:
    """n texts: text i is ``data[offsets[i]:offsets[i + 1]]``.

    data : (n_bytes,) uint8, UTF-8; offsets : (n + 1,) int64, never falling.
    """

    __slots__ = ("data", "offsets")

    def __init__(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self.data = data
        self.offsets = offsets

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "Strings":
        """Pack Python strings. UnicodeEncodeError (a ValueError) for a lone surrogate."""
        parts = [text.encode() for text in texts]
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return cls(np.frombuffer(b"".join(parts), dtype=np.uint8), offsets)

    @classmethod
    def from_arrow(cls, array: Any) -> "Strings":
        """Pack a pyarrow array of type large_string that has no nulls (copies).

        UnicodeError (a ValueError) unless every text is UTF-8: pyarrow reads parquet without a look at that.
        """
        try:
            array.validate(full=True)
        except ValueError as error:
            raise UnicodeError(f"expected texts in UTF-8: {error}") from None
        n = len(array)
        if n == 0:
            return cls.from_texts([])
        _, offset_buffer, data_buffer = array.buffers()
        offsets = np.frombuffer(offset_buffer, dtype=np.int64)[array.offset : array.offset + n + 1]
        data = np.frombuffer(data_buffer if data_buffer is not None else b"", dtype=np.uint8)
        return cls(data[offsets[0] : offsets[-1]].copy(), offsets - offsets[0])

    def to_arrow(self) -> Any:
        """Return a pyarrow array of type large_string on the same memory."""
        import pyarrow as pa

        buffers = [None, pa.py_buffer(self.offsets), pa.py_buffer(self.data)]
        return pa.LargeStringArray.from_buffers(len(self), buffers[1], buffers[2])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def raw(self, i: int) -> bytes:
        """Return text i as UTF-8. Bytes sort as the texts do (code point order)."""
        return self.data[self.offsets[i] : self.offsets[i + 1]].tobytes()

    def __getitem__(self, i: int) -> str:
        return self.raw(i).decode()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Strings):
            return NotImplemented
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(self.data, other.data)

    __hash__ = None  # type: ignore[assignment]

    def to_array(self) -> NDArray[Any]:
        """Return all texts, (n,) object."""
        raw = self.data.tobytes()
        out = np.empty(len(self), dtype=object)
        bounds = itertools.pairwise(self.offsets.tolist())
        out[:] = [raw[begin:end].decode() for begin, end in bounds]
        return out

    def take(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return the texts at `places`, (len(places),) object."""
        if 4 * len(places) > len(self):
            return self.to_array()[places]
        out = np.empty(len(places), dtype=object)
        out[:] = [self[i] for i in places.tolist()]
        return out

    def joined(self, other: "Strings") -> "Strings":
        """Return these texts followed by those of `other`."""
        offsets = np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]])
        return Strings(np.concatenate([self.data, other.data]), offsets)

    def first_not_rising(self) -> int:
        """Return the first i whose text is not greater than text i - 1, or -1."""
        data, offsets = np.ascontiguousarray(self.data), np.ascontiguousarray(self.offsets)
        return _native.data.first_not_rising(data, offsets, threads=get_num_threads())

    def _get_state(self, interactions: bool = True) -> State:
        return State({"bytes": self.data, "offsets": self.offsets}, {})

    @classmethod
    def _from_state(cls, state: State, n: int, name: str) -> "Strings":
        """Rebuild `n` texts; EckartError unless offsets and UTF-8 are whole. No text is decoded singly."""
        data = state.array("bytes", shape=(None,), dtype=np.uint8)
        offsets = state.array("offsets", shape=(n + 1,), dtype=np.int64)
        if offsets[0] != 0 or offsets[-1] != len(data) or np.any(offsets[1:] < offsets[:-1]):
            raise EckartError(f"damaged file: the offsets of the {name} do not rise from 0 to {len(data)}")
        starts = offsets[:-1]
        # 10xxxxxx continues a character: a text that begins there is half a character.
        if np.any(data[starts[starts < len(data)]] & 0xC0 == 0x80):
            raise EckartError(f"damaged file: the {name} are cut within a character")
        try:
            data.tobytes().decode()
        except UnicodeDecodeError as error:
            raise EckartError(f"damaged file: the {name} are not UTF-8 ({error})") from None
        return cls(data, offsets)
