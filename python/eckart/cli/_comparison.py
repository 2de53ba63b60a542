"""A model beside what it must beat: the global mean, the biases, the most popular items."""

from typing import Any

import numpy as np

SHOWN = ("rmse", "mae", "ndcg", "recall")
TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "precision": "Precision@{k}",
    "recall": "Recall@{k}",
    "hit_rate": "Hit rate@{k}",
    "map": "MAP@{k}",
    "mrr": "MRR@{k}",
    "ndcg": "NDCG@{k}",
}
LOWER_IS_BETTER = ("rmse", "mae")


class GlobalMean:
    """Predicts the mean of the training ratings for everything; it ranks nothing."""

    def __init__(self, mean: float) -> None:
        self.mean = mean

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.mean)


def compare_with_baselines(
    models: dict[str, Any],
    train: Any,
    test: Any,
    k: int,
    *,
    relevant_from: float | None = None,
    seed: int = 0,
) -> Any:
    """Return the Comparison of global mean, Baseline and Popularity, fitted here, and the fitted `models`.

    A model named like one of the standards stands in its place.
    """
    from eckart.completion import Baseline, Popularity
    from eckart.evaluation import Comparison, compare, evaluate

    mean = evaluate(GlobalMean(train.mean), train, test, k, ranking_metrics=False, random_state=seed)
    standards = {"Baseline": Baseline(), "Popularity": Popularity()}
    fitted = {name: model.fit(train) for name, model in standards.items() if name not in models}
    others = compare(fitted | models, train, test, k, relevant_from=relevant_from, random_state=seed)
    return Comparison({"Global mean": mean} | others.reports)


def print_comparison(comparison: Any, title: str, to: Any = None) -> None:
    """Print means with their 95 % intervals below; the best of each column in bold."""
    from rich.text import Text

    from eckart.cli._console import print_table

    reports = comparison.reports
    k = max(report.k for report in reports.values())
    rows = []
    for name, report in reports.items():
        cells: list[Any] = [name]
        for metric in SHOWN:
            summary = report.metrics.get(metric)
            if summary is None or summary.mean != summary.mean:
                cells.append("–")
                continue
            best = summary.mean == best_mean(reports, metric)
            cell = Text(f"{summary.mean:.4f}{'*' if best else ' '}", style="bold" if best else "")
            cell.append(f"\n{summary.low:.3f}–{summary.high:.3f} ", style="not bold dim")
            cells.append(cell)
        rows.append(cells)
    columns = [TITLES[metric].format(k=k) for metric in SHOWN]
    example = next(iter(reports.values()))
    print_table(
        title, ["", *columns], rows, numbers=columns,
        caption="* best; below each mean its 95 % interval. Baseline: mean + biases. Popularity: most rated"
        f"\n{example.describe_data()}", to=to,
    )  # fmt: skip


def best_mean(reports: dict[str, Any], metric: str) -> float:
    """Return the best mean of `metric` among the reports that have it."""
    means = [r.metrics[metric].mean for r in reports.values() if metric in r.metrics]
    means = [mean for mean in means if mean == mean]
    return (min if metric in LOWER_IS_BETTER else max)(means)
