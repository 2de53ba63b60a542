"""Files opened for reading, with a bound on what a small one may unpack to.

A packed file of a megabyte can hold gigabytes (a "decompression bomb", or a page header with a flipped
bit). What unpacks to more than RATIO times its size is refused, past FLOOR bytes; ratings as text
shrink some 3 to 10 times. Whoever means it unpacks the file first, and then its size is its own.
"""

import os
from pathlib import Path

from eckart.base.errors import EckartError

RATIO = 200
FLOOR = 1 << 26
LONGEST_LINE = 1 << 24  # bytes; looking for the end of a longer one takes quadratic time
_CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}


def check_unpacked(path: Path, n_bytes: int) -> None:
    """EckartError if `n_bytes` are too many for a file of this size."""
    size = os.path.getsize(path)
    if n_bytes > max(FLOOR, RATIO * size):
        raise EckartError(
            f"{path}: {size} bytes unpack to {n_bytes} or more, which no table of ratings does; "
            "unpack the file first if it is what you mean"
        )


def check_line(path: Path, n_bytes: int) -> None:
    """EckartError if a line that has not ended after `n_bytes` is longer than any of a table."""
    if n_bytes > LONGEST_LINE:
        raise EckartError(f"{path}: expected a text table, got a line of over {n_bytes} bytes")


class Stream:
    """``with Stream(path) as stream``: the bytes of a file from its first, decompressed by its suffix.

    Opening and reading raise OSError for damaged data; reading, EckartError for a bomb (see the module).
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self._path, self._given = path, 0
        self._raw = pa.OSFile(str(path))
        codec = _CODECS.get(path.suffix.lower())
        self._unpacked = self._raw if codec is None else pa.CompressedInputStream(self._raw, codec)

    def read(self, n: int) -> bytes:
        """Return at most `n` bytes; none at the end."""
        block: bytes = self._unpacked.read(n)
        self._count(len(block))
        return block

    def readinto(self, buffer: memoryview) -> int:
        """Fill the beginning of `buffer`, return the number of bytes; 0 at the end."""
        n: int = self._unpacked.readinto(buffer)
        self._count(n)
        return n

    @property
    def share(self) -> float:
        """How much of the file as it lies on the disk has been read, in [0, 1]."""
        return float(self._raw.tell() / max(1, os.path.getsize(self._path)))

    def _count(self, n: int) -> None:
        self._given += n
        check_unpacked(self._path, self._given)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._unpacked.close()
        self._raw.close()
