"""How metrics and folds are called in tables and figures."""

from eckart.evaluation.measure import split

METRIC_TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "precision": "Precision@{k}",
    "recall": "Recall@{k}",
    "hit_rate": "Hit rate@{k}",
    "map": "MAP@{k}",
    "mrr": "MRR@{k}",
    "ndcg": "NDCG@{k}",
}


def title_of(metric: str) -> str:
    """Return "NDCG@10 (sampled)" for "sampled ndcg@10"."""
    if "@" not in metric:
        return METRIC_TITLES[metric]
    sampled, name, k = split(metric)
    return METRIC_TITLES[name].format(k=k) + (" (sampled)" if sampled else "")


def describe_folds(folds: list[dict[str, int]]) -> str:
    """Return one sentence about what was measured, all folds together, and what of it was cold."""
    total = {what: sum(fold[what] for fold in folds) for what in folds[0]}
    several = f"{len(folds)} folds with together " if len(folds) > 1 else ""
    cold = "every user and item was known"
    if total["cold_ratings"]:
        cold = (
            f"nothing was known of {total['cold_users']:,} users and {total['cold_items']:,} items "
            f"({total['cold_ratings']:,} ratings), which count like all others"
        )
    folded_in = f", {total['known_ratings']:,} ratings folded in" if "known_ratings" in total else ""
    return (
        f"{several}{total['test_ratings']:,} test ratings of {total['test_users']:,} users and "
        f"{total['test_items']:,} items{folded_in}; {cold}"
    )
