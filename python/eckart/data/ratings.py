"""`Ratings`: who rated what, and how. The one container that every model of completion takes."""

import hashlib
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads
from eckart.base.validation import native_array
from eckart.data import ratings_state, views
from eckart.data.columns import RowError
from eckart.data.strings import Strings
from eckart.data.vocabulary import Vocabulary

Rating = namedtuple("Rating", ["user", "item", "value"])
"""One rating in the caller's ids."""

_COLUMNS = ("user_index", "item_index", "values", "timestamps")


class Ratings:
    """A read-only sequence of n ratings over fixed vocabularies of users and items.

    Build one with :meth:`from_file`, :meth:`from_frame`, :meth:`from_arrays`, :meth:`from_sparse`
    or :meth:`from_dense`. An index array, slice or mask gives the Ratings of those rows with the
    parent's vocabularies, so codes mean the same in every part; scikit-learn's splitters,
    ``cross_validate`` and ``GridSearchCV`` cut it along its only axis.

    Attributes
    ----------
    user_index, item_index : (n,) int32, codes in `users` and `items`
    values : (n,) float32, or float64 if asked for; always finite
    timestamps : (n,) int64 (seconds where dates came), or None
    users, items : Vocabulary
    counted : True where there was no value column and events were counted
    """

    user_index: NDArray[np.int32]
    item_index: NDArray[np.int32]
    values: NDArray[Any]
    timestamps: NDArray[np.int64] | None

    def __init__(
        self,
        user_index: NDArray[Any],
        item_index: NDArray[Any],
        values: NDArray[Any],
        users: Vocabulary,
        items: Vocabulary,
        *,
        timestamps: NDArray[Any] | None = None,
        titles: Strings | None = None,
        counted: bool = False,
    ) -> None:
        """Take coded arrays as they are (no copy). ValueError for lengths that differ, codes outside
        the vocabularies or values that are not finite (RowError, which names the row)."""
        dtype = np.float64 if np.asarray(values).dtype == np.float64 else np.float32
        self.users, self.items, self.counted = users, items, counted
        self.user_index = _read_only(user_index, np.int32)
        self.item_index = _read_only(item_index, np.int32)
        self.values = _read_only(values, dtype)
        self.timestamps = None if timestamps is None else _read_only(timestamps, np.int64)
        self.titles = titles
        self._n = len(self.values)
        self._cache: dict[str, Any] = {}
        self._check()

    def __getattr__(self, name: str) -> Any:
        """Put the columns of ratings from a file together at the first look: a recommendation needs none."""
        stored = vars(self).get("_stored")
        if stored is None or name not in _COLUMNS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        vars(self).update(stored.columns())
        return vars(self)[name]

    # Documented constructors: thin forwards, so that this file stays the container alone.

    @classmethod
    def from_arrays(
        cls,
        users: Any,
        items: Any,
        values: Any = None,
        *,
        timestamps: Any = None,
        item_titles: Any = None,
        duplicates: str | None = None,
        dtype: Any = np.float32,
    ) -> "Ratings":
        """Build from columns of ids and values (arrays, lists or series), all of length n.

        users, items : integers (gaps allowed) or texts
        values : numbers, or None: every row is an event of value 1 and events are counted
        timestamps : integers, dates or ISO texts
        item_titles : a dictionary id → title, or a column with the title of each row's item
        duplicates : what to do with rows of the same (user, item): ``"error"`` (default with
            values), ``"last"`` (the latest by timestamp, else by row), ``"mean"``, ``"sum"``
            (default for events)

        Raises ValueError (RowError where a row is to blame) or TypeError.
        """
        from eckart.data import construction

        return construction.from_arrays(
            users, items, values, timestamps, item_titles=item_titles, duplicates=duplicates, dtype=dtype
        )

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        user: str | int | None = None,
        item: str | int | None = None,
        value: str | int | bool | None = None,
        timestamp: str | int | bool | None = None,
        title: str | int | bool | None = None,
        duplicates: str | None = None,
        dtype: Any = np.float32,
    ) -> "Ratings":
        """Build from a pandas, polars (eager or lazy) or pyarrow table.

        Each column may be given by name or place; None guesses it from common names ("userId",
        "item", "rating", "timestamp", "title", ...), False says that there is none. Without a value
        column events are counted. Raises EckartError for a missing column, naming those there are.
        """
        from eckart.data import construction

        columns = {"user": user, "item": item, "value": value, "timestamp": timestamp, "title": title}
        return construction.from_frame(frame, columns, duplicates=duplicates, dtype=dtype)

    @classmethod
    def from_sparse(cls, matrix: Any, *, duplicates: str = "error", dtype: Any = None) -> "Ratings":
        """Build from a scipy.sparse array or matrix, users × items.

        Every stored entry is observed, explicit zeros too; ids are 0..n-1; empty rows and columns
        stay. `dtype` None keeps float64, anything else becomes float32.
        """
        from eckart.data import construction

        return construction.from_sparse(matrix, duplicates=duplicates, dtype=dtype)

    @classmethod
    def from_dense(cls, array: Any, *, dtype: Any = None) -> "Ratings":
        """Build from a dense matrix, users × items, where NaN (or a mask) is missing. Ids are 0..n-1.

        Raises ValueError that names the place of an infinite value.
        """
        from eckart.data import construction

        return construction.from_dense(array, dtype=dtype)

    @classmethod
    def from_file(
        cls,
        path: Any,
        *,
        user: str | int | None = None,
        item: str | int | None = None,
        value: str | int | bool | None = None,
        timestamp: str | int | bool | None = None,
        title: str | int | bool | None = None,
        header: bool | None = None,
        separator: str | None = None,
        encoding: str = "utf8",
        duplicates: str | None = None,
        dtype: Any = np.float32,
        verbose: bool = False,
    ) -> "Ratings":
        """Read a csv, tsv or other separated text (also .gz, .bz2), or a parquet file.

        Columns as in :meth:`from_frame`. `separator` None guesses among ``::``, tab, ``;``, ``,``,
        ``|`` and space. `header` None takes the first line for column names unless every field of it
        is a number or a date; columns without names are user, item, value, timestamp in this order.
        `verbose` shows a bar on stderr. Read in blocks: memory is about twice what the ratings take.
        Raises EckartError naming the file, the line and the columns that do exist; also for a packed
        file that holds more than 200 times its size (and over 64 MB), a "decompression bomb".
        """
        from eckart.data import readers

        columns = {"user": user, "item": item, "value": value, "timestamp": timestamp, "title": title}
        layout = readers.Layout(header=header, separator=separator, encoding=encoding)
        return readers.read_ratings(
            path, columns, layout, duplicates=duplicates, dtype=dtype, verbose=verbose
        )

    # A sequence.

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # scikit-learn's way of cutting the first axis
        if isinstance(key, int | np.integer):
            row = range(len(self))[key]  # IndexError past the end
            user, item = self.users.decode([self.user_index[row]]), self.items.decode([self.item_index[row]])
            return Rating(user.tolist()[0], item.tolist()[0], self.values[row].item())
        if not isinstance(key, slice):
            key = np.asarray(key)
            if key.size == 0 and key.dtype != bool:
                key = key.astype(np.int64)
            if key.ndim != 1 or key.dtype.kind not in "iub":
                raise IndexError(f"expected an integer, slice, integer array or mask, got {key!r}")
        return self._replaced(
            user_index=self.user_index[key],
            item_index=self.item_index[key],
            values=self.values[key],
            timestamps=None if self.timestamps is None else self.timestamps[key],
        )

    def __iter__(self) -> Iterator[Rating]:
        for start in range(0, len(self), 4096):
            part = slice(start, start + 4096)
            users, items = self.users.decode(self.user_index[part]), self.items.decode(self.item_index[part])
            yield from map(Rating, users.tolist(), items.tolist(), self.values[part].tolist())

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        raise TypeError("Ratings are not one array: take .values, .to_frame() or .to_scipy()")

    def __repr__(self) -> str:
        low, high = self.scale
        cells = self.n_users * self.n_items
        density = f"{len(self) / cells:.3%} observed" if cells else "empty"
        scale = f"{low:g} to {high:g}" if len(self) else "none"
        kind = "counts" if self.counted else "values"
        size = f"{len(self):,}: {self.n_users:,} users × {self.n_items:,} items"
        return f"Ratings({size}, {density}, {kind} {scale})"

    @property
    def shape(self) -> tuple[int]:
        """``(n,)``: the only axis is that of the ratings."""
        return (len(self),)

    @property
    def ndim(self) -> int:
        return 1

    # Facts.

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    @property
    def mean(self) -> float:
        """The mean value (summed in double); NaN without ratings."""
        return float(self.values.mean(dtype=np.float64)) if len(self) else float("nan")

    @property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest value; NaN without ratings."""
        if not len(self):
            return float("nan"), float("nan")
        return float(self.values.min()), float(self.values.max())

    @property
    def item_titles(self) -> NDArray[Any] | None:
        """Titles by item code, (n_items,) object of str ("" where unknown), or None."""
        if self.titles is not None and "titles" not in self._cache:
            self._cache["titles"] = self.titles.to_array()
        return self._cache.get("titles")

    def title(self, code: int) -> str:
        """Return the title of an item code, or its id as text where there is none."""
        text = self.titles[code] if self.titles is not None else ""
        return text or str(self.items.decode([code])[0])

    @property
    def by_user(self) -> Csr:
        """Users × items, built once: row u holds the items of user code u, rising."""
        if "by_user" not in self._cache:
            self._cache["by_user"] = views.by_user(self)
        return self._cache["by_user"]

    @property
    def by_item(self) -> Csr:
        """Items × users, built once: row i holds the users of item code i, rising."""
        if "by_item" not in self._cache:
            self._cache["by_item"] = views.transposed(self.by_user)
        return self._cache["by_item"]

    @property
    def by_user_order(self) -> NDArray[Any]:
        """(n,) the row of each stored entry of `by_user`: ``values[by_user_order] == by_user.values``.

        Worked out anew at each look: it is as large as the ratings and seldom needed.
        """
        return views.by_user_order(self)

    @property
    def n_repeated(self) -> int:
        """How many ratings repeat a (user, item) pair; 0 unless rows were drawn with replacement."""
        if "repeated" not in self._cache:
            rows = self.by_user
            self._cache["repeated"] = _native.data.count_repeated(
                rows.indptr, rows.indices, threads=get_num_threads()
            )
        return self._cache["repeated"]

    @property
    def data_hash(self) -> str:
        """sha256 (hex) of the ratings by user and of both vocabularies: the same for any order of rows."""
        if "hash" not in self._cache:
            digest = hashlib.sha256()
            for vocabulary in (self.users, self.items):
                state = vocabulary._get_state()
                digest.update(f"{state.meta['kind']} {state.meta['size']}".encode())
                for array in state.arrays.values():
                    digest.update(np.ascontiguousarray(array))
            for array in (self.by_user.indptr, self.by_user.indices, self.by_user.values):
                digest.update(array)  # type: ignore[arg-type]
            self._cache["hash"] = digest.hexdigest()
        return self._cache["hash"]

    # New ratings from these.

    def with_values(self, values: Any) -> "Ratings":
        """Return the same pairs with other values, (n,); float64 stays, all else becomes float32."""
        return self._replaced(values=np.array(values))

    def deduplicated(self, duplicates: str = "error") -> "Ratings":
        """Return one rating a pair: ``"last"``, ``"mean"``, ``"sum"``; ``"error"`` is a ValueError."""
        from eckart.data.duplicates import resolve

        return resolve(self, duplicates)

    def merged(self, other: "Ratings", duplicates: str = "last") -> "Ratings":
        """Return the union: vocabularies extended at the end, so the codes of these ratings stay.

        Where both rate a pair, `other` wins (``"last"``), or ``"mean"``, ``"sum"``, ``"error"``.
        """
        from eckart.data.duplicates import merge

        return merge(self, other, duplicates)

    def to_frame(self, backend: str = "pandas") -> Any:
        """Return a table (pandas, polars or pyarrow): user, item, value and, if known, timestamp, title."""
        from eckart.data.export import to_frame

        return to_frame(self, backend)

    def to_scipy(self) -> Any:
        """Return the users × items scipy.sparse.csr_array of the values (explicit zeros stay)."""
        return self.by_user.to_scipy()

    # Inside.

    def _replaced(self, **changes: Any) -> "Ratings":
        return Ratings(**(self._parts() | changes))

    def _parts(self) -> dict[str, Any]:
        names = (*_COLUMNS, "users", "items", "titles", "counted")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> Any:
        return _rebuilt, (self._parts(),)  # the views are built again where they are needed

    def _check(self) -> None:
        n, threads = len(self.values), get_num_threads()
        for name in _COLUMNS:
            array = getattr(self, name)
            if array is not None and array.shape != (n,):
                raise ValueError(f"{name}: expected shape ({n},) as the values have, got {array.shape}")
        for name, size in (("user_index", self.n_users), ("item_index", self.n_items)):
            codes = getattr(self, name)
            row = _native.data.first_out_of_range(codes, size, threads=threads)
            if row >= 0:
                raise RowError(f"{name}: expected a code in [0, {size}), got {codes[row]}", row)
        row = _native.data.first_not_finite(self.values, threads=threads)
        if row >= 0:
            raise RowError(f"values: expected a finite number, got {self.values[row]}", row)
        if self.titles is not None and len(self.titles) != self.n_items:
            raise ValueError(f"titles: expected {self.n_items}, one an item, got {len(self.titles)}")

    _get_state = ratings_state.get_state
    _from_state = classmethod(ratings_state.from_state)


def _read_only(array: Any, dtype: Any) -> NDArray[Any]:
    view = native_array(array, dtype).view()
    view.flags.writeable = False
    return view


def _rebuilt(parts: dict[str, Any]) -> Ratings:
    return Ratings(**parts)
