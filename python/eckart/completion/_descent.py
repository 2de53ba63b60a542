"""Gradient descent on the factors, from given ones: plain, balanced or scaled, by fixed or best steps."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eckart.completion._gradient import best_step, residual_products
from eckart.completion._low_rank import Iterate
from eckart.completion._spectrum import Triplets
from eckart.linalg.dense import multiply, multiply_transposed
from eckart.linalg.operators import SparseMatrix

METHODS = ("plain", "balanced", "scaled")
STEPS = ("exact", "conjugate")  # beside numbers
Pair = tuple[NDArray[Any], NDArray[Any]]  # of users and items, (n_users, k) and (n_items, k)


class Move(NamedTuple):
    """What the next conjugate direction needs of the last one: where it led, the slopes before, and their
    product with the plain direction."""

    ahead: Pair
    slopes: Pair
    descent: float


class Point(Iterate):
    """An iterate and -p times the gradient of f there, for both sides."""

    slopes: Pair
    last: Move | None = None


@dataclass
class Descent:
    """Descends on f(U, V) = ||P(X - U V')||^2 / (2 p) from the factors `first`; see `SpectralGD`.

    largest : the singular value that sets the unit of the steps that are not scaled
    """

    data: SparseMatrix
    method: str
    eta: float | str
    first: Pair
    largest: float

    @property
    def share(self) -> float:
        """p, the share of entries that are observed."""
        m, n = self.data.shape
        return len(self.data.values) / (m * n)

    def start(self) -> Point:
        start = Point(*self.first)
        self._measure(start)
        return start

    def objective(self, iterate: Iterate) -> float:
        return iterate.squared_error / (2 * self.share)

    def step(self, point: Point) -> None:
        ahead = direction = self._direction(point)
        if self.eta == "conjugate" and point.last is not None:
            ahead = _conjugate(direction, point.slopes, point.last)
        eta: Any = self.eta
        if isinstance(eta, str):
            eta = best_step(self.data, point.users, point.items, *ahead)
        point.last = Move(ahead, point.slopes, _inner(direction, point.slopes))
        point.users, point.items = (
            side + side.dtype.type(eta) * d for side, d in zip((point.users, point.items), ahead, strict=True)
        )
        self._measure(point)

    def _measure(self, point: Point) -> None:
        """Evaluate the gradient, which gives the error as well."""
        *slopes, point.squared_error = residual_products(self.data, point.users, point.items)
        point.slopes = (slopes[0], slopes[1])

    def _direction(self, point: Point) -> Pair:
        """Return the direction of descent for both sides; with eta = 1 a whole step."""
        (along_users, along_items), users, items = point.slopes, point.users, point.items
        gram_users, gram_items = (multiply_transposed(side, side) for side in (users, items))
        if self.method == "scaled":
            return (
                multiply(along_users, _inverse(gram_items) / self.share),
                multiply(along_items, _inverse(gram_users) / self.share),
            )
        scale = users.dtype.type(1 / (self.share * self.largest))
        along_users, along_items = along_users * scale, along_items * scale
        if self.method == "balanced":
            imbalance = (gram_users - gram_items) / users.dtype.type(2 * self.largest)
            return along_users - multiply(users, imbalance), along_items + multiply(items, imbalance)
        return along_users, along_items


def _conjugate(direction: Pair, slopes: Pair, last: Move) -> Pair:
    """Return the direction of Polak and Ribiere (1969), in the metric that has made `direction` of `slopes`;
    `direction` itself where that would not lead downhill."""
    turned = _inner(direction, slopes) - _inner(direction, last.slopes)
    beta = max(turned / last.descent, 0.0) if last.descent > 0 else 0.0
    ahead = tuple(d + d.dtype.type(beta) * before for d, before in zip(direction, last.ahead, strict=True))
    return ahead if _inner(ahead, slopes) > 0 else direction


def _inner(a: Pair, b: Pair) -> float:
    return sum(float(np.einsum("ij,ij", x, y, dtype=np.float64)) for x, y in zip(a, b, strict=True))


def _inverse(gram: NDArray[Any]) -> NDArray[Any]:
    """Return the inverse, (k, k); of a singular matrix the pseudo-inverse."""
    rcond = len(gram) * np.finfo(gram.dtype).eps
    inverse = np.linalg.pinv(gram.astype(np.float64), rcond=rcond, hermitian=True)
    return np.ascontiguousarray(inverse, dtype=gram.dtype)


def split(triplets: Triplets) -> Pair:
    """Return u sqrt(s) and v sqrt(s)."""
    root = np.sqrt(triplets.s)
    return triplets.u * root, triplets.v * root
