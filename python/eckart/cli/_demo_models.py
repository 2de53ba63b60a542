"""What ``eckart demo`` fits: settings tried on a tenth of the training ratings, never on the test."""

from dataclasses import dataclass
from typing import Any

import numpy as np

# (reg_scaling, reg, rank). Ranks 8, 16 and 32 were tried too: none had a lower validation RMSE.
SETTINGS = tuple(("count", reg, 64) for reg in (0.08, 0.1, 0.12)) + tuple(
    ("none", reg, 64) for reg in (8.0, 12.0, 16.0)
)
QUICK_SETTINGS = (("count", 0.12, 16), ("none", 10.0, 16))


@dataclass(frozen=True)
class Trial:
    """One setting, fitted to nine tenths of the training ratings and measured on the others."""

    reg_scaling: str
    reg: float
    rank: int
    history: list[dict[str, Any]]
    rmse: float
    ndcg: float

    @property
    def n_iter(self) -> int:
        """The iteration with the least validation error."""
        return 1 + int(np.argmin([record["validation"] for record in self.history]))

    @property
    def penalty(self) -> str:
        return "λ × count" if self.reg_scaling == "count" else "λ"

    @property
    def label(self) -> str:
        return f"rank {self.rank}, λ = {self.reg:g}" + (" × count" if self.reg_scaling == "count" else "")

    def to_dict(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name in ("reg_scaling", "reg", "rank", "n_iter", "rmse", "ndcg")
        }


def try_settings(train: Any, k: int, seed: int, quick: bool) -> list[Trial]:
    """Return a trial of each setting, all on one split of `train`."""
    from eckart.base.progress import Progress
    from eckart.cli._console import shows_progress
    from eckart.completion import ALS
    from eckart.data import random_split
    from eckart.evaluation import evaluate

    # Another seed than the test's split: the same one would draw the same rows of a shorter list.
    part, validation = random_split(train, test_size=0.1, random_state=seed + 1)
    settings = QUICK_SETTINGS if quick else SETTINGS
    trials = []
    with Progress("trying settings", len(settings), shows_progress()) as bar:
        for scaling, reg, rank in settings:
            model = ALS(rank, reg=reg, reg_scaling=scaling, random_state=seed)
            model.fit(part, validation=validation)
            report = evaluate(model, part, validation, k, rating_metrics=False)
            ndcg = report.metrics["ndcg"].mean
            trials.append(Trial(scaling, reg, rank, model.history_, -model.score(validation), ndcg))
            bar.advance()
    return trials


def refit(trial: Trial, train: Any, seed: int) -> Any:
    """Return the trial's model fitted to all of `train`, for as many iterations as were best."""
    from eckart.cli._console import shows_progress
    from eckart.completion import ALS

    model = ALS(
        trial.rank,
        reg=trial.reg,
        reg_scaling=trial.reg_scaling,
        max_iter=trial.n_iter,
        random_state=seed,
        verbose=shows_progress(),
    )
    return model.fit(train)
