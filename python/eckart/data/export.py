"""`Ratings` as a table of pandas, polars or pyarrow."""

from typing import Any

import numpy as np

from eckart.data.frames import table_from_columns
from eckart.data.ratings import Ratings
from eckart.data.vocabulary import Vocabulary


def to_frame(ratings: Ratings, backend: str) -> Any:
    """See :meth:`Ratings.to_frame`."""
    import pyarrow as pa

    columns = {
        "user": _ids(ratings.users, ratings.user_index),
        "item": _ids(ratings.items, ratings.item_index),
        "value": pa.array(ratings.values),
    }
    if ratings.timestamps is not None:
        columns["timestamp"] = pa.array(ratings.timestamps)
    if ratings.titles is not None:
        columns["title"] = ratings.titles.to_arrow().take(pa.array(ratings.item_index))
    return table_from_columns(columns, backend)


def _ids(vocabulary: Vocabulary, codes: np.ndarray[Any, Any]) -> Any:
    """Decode every id once, then take: quicker than a Python string for each row."""
    import pyarrow as pa

    return pa.array(vocabulary.ids()).take(pa.array(codes))
