"""Why was this recommended? The user's own ratings, each with its additive part of the prediction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.completion._model import CompletionModel, known_codes
from eckart.linalg.dense import solve_spd

if TYPE_CHECKING:
    from eckart.completion.als import ALS


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


def explain_ridge(model: "ALS", user: Any, item: Any, seen: Csr) -> Explanation:
    """Split a prediction of a model whose user rows are ridge regressions.

    The user's row is w = (X'X + lambda I)^-1 X't with X the factors of the rated items (a column of
    ones for the bias) and t the ratings less mean and item biases, so the prediction x'w is
    the sum over rated items j of (x' (X'X + lambda I)^-1 x_j) t_j (Hu, Koren, Volinsky 2008, sec. 5).
    """
    u = int(known_codes(model.users_, user, "user")[0])
    i = int(known_codes(model.items_, item, "item")[0])
    rated, values = seen.row(u)
    assert values is not None
    targets = values.astype(np.float64)
    norm = model.normalization_
    users = np.full(len(rated), u, dtype=np.int32)
    if norm is not None:
        targets = norm.normalize(users, rated, targets)
    rows, wanted = model.item_factors_[rated].astype(np.float64), model.item_factors_[i].astype(np.float64)
    base = model.mean_
    if model.item_biases_ is not None:
        rows, wanted = np.column_stack([rows, np.ones(len(rated))]), np.append(wanted, 1.0)
        targets = targets - model.item_biases_[rated]
        base = base + float(model.item_biases_[i])
    targets = targets - model.mean_
    reg = model._penalty().of("users", seen.select(np.array([u])), np.float64)[0]
    weights = (
        rows @ solve_spd(rows.T @ rows + reg * np.eye(rows.shape[1]), wanted) if len(rated) else np.empty(0)
    )
    parts = weights * targets
    total = base + parts.sum()
    if norm is not None:
        pair = np.array([u], np.int32), np.array([i], np.int32)
        undone = [float(norm.undo(*pair, np.array([value]))[0]) for value in (base, total, 1.0, 0.0)]
        base, total, parts = undone[0], undone[1], parts * (undone[2] - undone[3])
    return explanation_of(model, u, i, float(base), rated, values, parts)


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
