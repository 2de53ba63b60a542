"""The answer to "what next?": ranked items for each user, in the caller's ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.data.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Recommendations:
    """Ranked items, best first, one row a query.

    users : (n,) ids of the queries (users, or items for "similar items"; row numbers for new users)
    items : (n, k) masked array of item ids
    scores : (n, k) masked array of predicted values or similarities
    titles : (n, k) masked array of strings, or None where the data had no titles

    Where fewer than k items could be recommended, the end of a row is masked: ``mask`` is True
    there, as in numpy.ma, and no id stands behind the mask.
    """

    users: NDArray[Any]
    items: "np.ma.MaskedArray[Any, Any]"
    scores: "np.ma.MaskedArray[Any, Any]"
    titles: "np.ma.MaskedArray[Any, Any] | None" = None

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(n, k), True where a row has ended."""
        return np.ma.getmaskarray(self.items)

    def __len__(self) -> int:
        return len(self.users)

    def __iter__(self) -> Iterator[list[tuple[Any, float]]]:
        """Yield each row as a list of (item id, score), without the padding."""
        for items, scores, mask in zip(self.items.data, self.scores.data, self.mask, strict=True):
            keep = ~mask
            yield list(zip(items[keep].tolist(), scores[keep].tolist(), strict=True))

    def _columns(self) -> dict[str, NDArray[Any]]:
        keep = ~self.mask
        row, column = np.nonzero(keep)
        table = {
            "user": self.users[row],
            "rank": column + 1,
            "item": self.items.data[keep],
            "score": self.scores.data[keep],
        }
        if self.titles is not None:
            table["title"] = self.titles.data[keep]
        return table

    def to_dict(self) -> dict[str, list[Any]]:
        """Return columns user, rank (from 1), item, score and, if known, title; padding left out."""
        return {name: column.tolist() for name, column in self._columns().items()}

    def to_frame(self, backend: str = "pandas") -> Any:
        """Return the table of :meth:`to_dict` as a "pandas", "polars" or "pyarrow" table."""
        from eckart.data.frames import table_from_columns

        return table_from_columns(self._columns(), backend)

    def to_parquet(self, path: Any) -> None:
        """Write the table of :meth:`to_dict` as a parquet file, whole or not at all.

        Raises EckartError when the file cannot be written.
        """
        from eckart.data.frames import write_table

        if str(path).endswith(".csv"):
            raise ValueError(f"path: expected the name of a parquet file, got {path}")
        write_table(self.to_frame("pyarrow"), path)


def from_codes(
    users: NDArray[Any],
    codes: NDArray[np.int32],
    scores: NDArray[Any],
    vocabulary: Vocabulary,
    titles: NDArray[Any] | None,
) -> Recommendations:
    """Turn item codes (-1 is padding) into the caller's ids."""
    mask = codes < 0
    ids = vocabulary.decode(np.where(mask, 0, codes).ravel()).reshape(codes.shape)
    if mask.any() and ids.dtype == object:
        ids[mask] = None
    named = None
    if titles is not None:
        named = np.ma.MaskedArray(titles[np.where(mask, 0, codes)], mask=mask)
    return Recommendations(
        users, np.ma.MaskedArray(ids, mask=mask), np.ma.MaskedArray(scores, mask=mask), named
    )
