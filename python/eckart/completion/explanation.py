"""Why was this recommended? The user's own ratings, each with its additive part of the prediction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.completion._model import CompletionModel, known_codes
from eckart.linalg.dense import solve_spd

if TYPE_CHECKING:
    from eckart.completion._alternating import AlternatingModel


@dataclass(frozen=True, eq=False)
class Explanation:
    """``prediction == base + sum(parts)``; the parts are sorted, the largest first.

    base : what the item would be predicted for a user without ratings
    items, titles, ratings, parts : (n,) the user's rated items, their titles (or None), the ratings
        given, and what each contributes
    """

    user: Any
    item: Any
    prediction: float
    base: float
    items: NDArray[Any]
    ratings: NDArray[Any]
    parts: NDArray[np.float64]
    titles: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __str__(self) -> str:
        names = self.items if self.titles is None else self.titles
        lines = [f"user {self.user}, item {self.item}: predicted {self.prediction:.2f}, base {self.base:.2f}"]
        lines += [
            f"  {part:+.3f}  {name} (rated {rating:g})"
            for name, rating, part in list(zip(names, self.ratings, self.parts, strict=True))[:10]
        ]
        return "\n".join(lines)


def explain_ridge(model: "AlternatingModel", user: Any, item: Any, seen: Csr) -> Explanation:
    """Split a prediction of a model whose user rows are ridge regressions.

    The user's row is w = A^-1 (X'Wt + c) with X the factors of the rated items (a column of ones for the
    bias), t the ratings less mean and item biases, W their weights, A and c as in cpp's completion/als.hpp.
    So the prediction x'w is x'A^-1 c plus the sum over rated items j of (x'A^-1 x_j) w_j t_j (Hu, Koren,
    Volinsky 2008, section 5).
    """
    u = int(known_codes(model.users_, user, "user")[0])
    i = int(known_codes(model.items_, item, "item")[0])
    row = seen.select(np.array([u]))
    rated, given = row.indices, row.values
    half = model._half("users", row)
    targets = np.ones(len(rated)) if half.ratings.values is None else half.ratings.values.astype(np.float64)
    norm = model.normalization_
    if norm is not None:
        targets = norm.normalize(np.full(len(rated), u, dtype=np.int32), rated, targets)
    everything = model.item_factors_.astype(np.float64)
    biases = np.zeros(len(everything))
    if model.item_biases_ is not None:
        everything = np.column_stack([everything, np.ones(len(everything))])
        biases = model.item_biases_.astype(np.float64)
    rows, targets = everything[rated], targets - biases[rated] - model.mean_
    weights = np.ones(len(rated)) if half.weights is None else half.weights.astype(np.float64)
    system, pull = rows.T @ (weights[:, None] * rows), np.zeros(rows.shape[1])
    system += float(half.reg[0]) * np.eye(len(system))
    if half.unobserved > 0:
        system += half.unobserved * (everything.T @ everything)
        pull = -half.unobserved * (biases @ everything)
    base, parts = model.mean_ + float(biases[i]), np.empty(0)
    if len(rated) or pull.any():
        influence = solve_spd(system, everything[i])
        base, parts = base + float(pull @ influence), weights * targets * (rows @ influence)
    total = base + parts.sum()
    if norm is not None:
        pair = np.array([u], np.int32), np.array([i], np.int32)
        undone = [float(norm.undo(*pair, np.array([value]))[0]) for value in (base, total, 1.0, 0.0)]
        base, total, parts = undone[0], undone[1], parts * (undone[2] - undone[3])
    return explanation_of(model, u, i, float(base), rated, given, parts)


def explanation_of(
    model: CompletionModel,
    user: int,
    item: int,
    base: float,
    rated: NDArray[np.int32],
    ratings: NDArray[Any],
    parts: NDArray[np.float64],
) -> Explanation:
    """Put an explanation together from codes: `base` plus a part for each rated item."""
    order = np.argsort(-parts, kind="stable")
    return Explanation(
        user=model.users_.decode(np.array([user]))[0],
        item=model.items_.decode(np.array([item]))[0],
        prediction=base + float(parts.sum()),
        base=base,
        items=model.items_.decode(rated[order]),
        ratings=ratings[order],
        parts=parts[order],
        titles=None if model.item_titles_ is None else model.item_titles_[rated[order]],
    )
