"""How good predictions, ranked lists and whole catalogues of recommendations are."""

from eckart.metrics.catalogue import coverage, novelty, popularity_share
from eckart.metrics.ranking import (
    RANKING_METRICS,
    average_precision_at_k,
    hit_rate_at_k,
    ndcg_at_k,
    precision_at_k,
    ranking_metrics,
    recall_at_k,
    reciprocal_rank_at_k,
)
from eckart.metrics.rating import mae, rmse
from eckart.metrics.summary import Summary, summarize, summarize_all

__all__ = [
    "RANKING_METRICS",
    "Summary",
    "average_precision_at_k",
    "coverage",
    "hit_rate_at_k",
    "mae",
    "ndcg_at_k",
    "novelty",
    "popularity_share",
    "precision_at_k",
    "ranking_metrics",
    "recall_at_k",
    "reciprocal_rank_at_k",
    "rmse",
    "summarize",
    "summarize_all",
]
