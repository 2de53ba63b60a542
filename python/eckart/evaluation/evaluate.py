"""Measure fitted completion models on held-out ratings: errors of predictions, quality of lists.

Every number is taken over all of `test`: ratings are predicted whether their user and item were seen in
training or not, and lists are ranked over the full catalogue, never over sampled items (Krichene and
Rendle, "On sampled metrics for item recommendation", KDD 2020).
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.seeds import RandomState, seed_from
from eckart.base.validation import check_float, check_int
from eckart.evaluation.folds import counts_of, relevant_entries
from eckart.evaluation.measure import errors_by_user
from eckart.evaluation.report import Comparison, Report
from eckart.metrics import catalogue
from eckart.metrics.ranking import ranking_metrics as per_user_ranking
from eckart.metrics.summary import Summary, summarize_all

if TYPE_CHECKING:
    from eckart.data import Ratings

# What the mean over users of a per-user metric is called.
_MEAN_NAMES = {"average_precision": "map", "reciprocal_rank": "mrr"}


class Model(Protocol):
    """What is asked of a fitted model. Its codes are those of `train`: ``users_`` and ``items_``, where
    a model has them, must be the vocabularies of `train`.
    """

    def predict(self, X: Any, /) -> NDArray[Any]:
        """Return the predicted values of `X`, a ``Ratings``: (n_ratings,)."""

    def _recommend_codes(
        self, users: NDArray[np.int32], k: int, exclude: Csr | None, /
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Return item codes, -1 padding at the end, and scores, both (len(users), k).

        Row i of `exclude` holds the items that user i must not be recommended.
        """


def evaluate(
    model: Model,
    train: "Ratings",
    test: "Ratings",
    k: int = 10,
    *,
    rating_metrics: bool = True,
    ranking_metrics: bool = True,
    relevant_from: float | None = None,
    random_state: RandomState = 0,
) -> Report:
    """Return how well `model`, fitted on `train`, does on `test`, each mean with its 95 % interval.

    rating_metrics : RMSE and MAE over all test ratings, those of cold users and items too. Their
        intervals resample users with all their ratings, as a user's errors are not independent. A model
        whose scores are no ratings (its ``predicts_ratings`` is False) has none.
    ranking_metrics : precision, recall, hit rate, MAP, MRR and NDCG at k for every user with a test
        rating, over the full catalogue without the user's training items, as
        :func:`eckart.metrics.ranking_metrics` defines them (binary gains); coverage, novelty and
        popularity share of these lists.
    relevant_from : test items rated at least this are relevant; None takes all of them. Users left
        without a relevant item are counted as skipped.
    random_state : of the bootstrap.

    `train` and `test` are the parts of one split, so they share their vocabularies, and the model has them
    too; ValueError otherwise, if `test` is empty, or if the model answers with NaN or with faulty lists.
    """
    _check_split(train, test)
    _check_vocabularies(model, train)
    k = check_int(k, "k")
    if relevant_from is not None:
        relevant_from = check_float(relevant_from, "relevant_from", low=-np.inf)
    seed = seed_from(random_state)
    report = Report(k=k, relevant_from=relevant_from, counts=counts_of(train, test, train))
    if rating_metrics and getattr(model, "predicts_ratings", True):
        _measure_predictions(report, model, test, seed)
    if ranking_metrics:
        _measure_lists(report, model, train, test, seed)
    return report


def compare(
    models: Mapping[str, Model],
    train: "Ratings",
    test: "Ratings",
    k: int = 10,
    *,
    rating_metrics: bool = True,
    ranking_metrics: bool = True,
    relevant_from: float | None = None,
    random_state: RandomState = 0,
) -> Comparison:
    """Return :func:`evaluate` of each of the named fitted models, on the same users and resamples."""
    seed = seed_from(random_state)
    return Comparison(
        {
            name: evaluate(
                model,
                train,
                test,
                k,
                rating_metrics=rating_metrics,
                ranking_metrics=ranking_metrics,
                relevant_from=relevant_from,
                random_state=seed,
            )
            for name, model in models.items()
        }
    )


def _check_split(train: "Ratings", test: "Ratings") -> None:
    if train.users != test.users or train.items != test.items:
        raise ValueError(
            "test: expected the users and items of train, as the splits of eckart.data keep them, got "
            f"{test.n_users} users and {test.n_items} items beside {train.n_users} and {train.n_items}"
        )
    if len(test) == 0:
        raise ValueError("test: expected at least one rating, got none")


def _check_vocabularies(model: Model, train: "Ratings") -> None:
    """Another vocabulary would measure one film's recommendation as another's."""
    for side in ("users", "items"):
        expected = getattr(train, side)
        if getattr(model, f"{side}_", expected) != expected:
            raise ValueError(f"model: expected one fitted on train, got one with other {side}")


def _measure_predictions(report: Report, model: Model, test: "Ratings", seed: int) -> None:
    start = time.perf_counter()
    predicted = model.predict(test)
    report.seconds["predict"] = time.perf_counter() - start
    by_user = errors_by_user(test, predicted)
    # Weighted by the number of ratings, the mean over users is the mean over ratings.
    n_ratings = by_user["rmse"].counts
    rated = n_ratings > 0
    losses = {name: sums[rated] / n_ratings[rated] for name, (sums, _) in by_user.items()}
    summaries = summarize_all(losses, random_state=seed, weights=n_ratings[rated])
    report.metrics.update(summaries, rmse=_root(summaries["rmse"]))


def _root(s: Summary) -> Summary:
    """Return the summary of the root of a mean: percentiles pass through a rising function."""
    return replace(s, mean=s.mean**0.5, low=s.low**0.5, high=s.high**0.5)


def _measure_lists(report: Report, model: Model, train: "Ratings", test: "Ratings", seed: int) -> None:
    users = np.flatnonzero(test.by_user.counts).astype(np.int32)
    relevant = relevant_entries(test.by_user, report.relevant_from).select(users)
    exclude = train.by_user.pattern.select(users)
    start = time.perf_counter()
    lists, _ = model._recommend_codes(users, report.k, exclude)
    report.seconds["recommend"] = time.perf_counter() - start
    summaries = summarize_all(per_user_ranking(lists, relevant, report.k), random_state=seed)
    report.metrics.update({_MEAN_NAMES.get(name, name): s for name, s in summaries.items()})
    n_train_users = max(1, int((train.by_user.counts > 0).sum()))
    report.catalogue = {
        "coverage": catalogue.coverage(lists, train.n_items),
        "novelty": catalogue.novelty(lists, train.by_item.counts, n_train_users),
        "popularity_share": catalogue.popularity_share(lists, train.by_item.counts),
    }
