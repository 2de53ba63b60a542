"""Two models on the same users: how much better is one, and could that be chance?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eckart.evaluation.measure import ByUser
from eckart.evaluation.statistics import Difference, difference
from eckart.evaluation.titles import title_of


class Side(NamedTuple):
    """One model: metric → what its users got, and metric → its values under the shared draws of users."""

    by_user: Mapping[str, ByUser]
    resampled: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, repr=False)
class PairedComparison:
    """`first` minus `second`: metric → :class:`~eckart.evaluation.Difference`.

    The p-values stand alone: with many models or metrics some are small by chance.
    """

    first: str
    second: str
    differences: dict[str, Difference]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "first": self.first,
            "second": self.second,
            "differences": {metric: asdict(d) for metric, d in self.differences.items()},
        }

    def sentence(self, metric: str) -> str:
        """Return one line about one metric."""
        return f"{self.first} minus {self.second}: {title_of(metric)} {self.differences[metric]}"

    def __str__(self) -> str:
        return "\n".join(map(self.sentence, self.differences))

    __repr__ = __str__


def compared(names: tuple[str, str], first: Side, second: Side) -> PairedComparison:
    """Return the comparison of two models, metric by metric. ValueError unless they had the same to find."""
    found = {}
    for metric, mine in first.by_user.items():
        theirs = second.by_user[metric]
        if not np.array_equal(mine.counts, theirs.counts):
            raise ValueError(f"{metric}: expected models measured on the same users, got others")
        drawn = first.resampled[metric] - second.resampled[metric]
        found[metric] = difference(metric, mine, theirs, drawn)
    return PairedComparison(*names, found)
