"""The named protocols: what each cuts, what it measures, and where it comes from.

Figures of one protocol can be compared with each other and with those published under it, and with
nothing else: the official folds of MovieLens 100k are not random ones, and a hit rate among 100 sampled
items is not one among all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from eckart.data.ratings import Ratings
from eckart.evaluation import cuts
from eckart.evaluation.folds import Fold


@dataclass(frozen=True)
class Protocol:
    """A way to measure that has a name.

    name, about, source : what it is called, what it does in a sentence, and who published it
    cut : (data, seed, **options) → folds; its keyword parameters are the options of the protocol
    metrics : names such as ``"rmse"``, ``"recall@20"`` or, among the fold's candidates alone,
        ``"sampled ndcg@10"``; the first is the one that models are ranked by
    events : every rating counts as one event of value 1, for training too
    relevant_from : ratings below it are left out before (`events`) or not looked for; clicks have no such
        threshold
    recall_denominator : of :func:`eckart.metrics.ranking_metrics`
    seed : what is used where none is given: that of the published folds
    """

    name: str
    about: str
    source: str
    cut: Callable[..., Iterator[Fold]]
    metrics: tuple[str, ...]
    events: bool = True
    relevant_from: float | None = None
    recall_denominator: Any = "relevant"
    seed: int = 0

    def prepared(self, data: Ratings, relevant_from: float | None) -> tuple[Ratings, dict[str, int]]:
        """Return the data that are cut, and how much was left out before."""
        if not self.events:
            return data, {}
        keep = slice(None) if relevant_from is None else data.values >= relevant_from
        part = data[keep]
        if len(part) == 0:
            raise ValueError(
                f"relevant_from: expected a value that some rating reaches, got {relevant_from:g} "
                f"for ratings from {data.scale[0]:g} to {data.scale[1]:g}"
            )
        events = part._replaced(values=0 * part.values + 1, counted=True)
        dropped = len(data) - len(part)
        return events, {} if relevant_from is None else {f"ratings below {relevant_from:g}": dropped}


_ERRORS = ("rmse", "mae")
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "surprise-5fold",
            "5 random folds of all ratings, predictions clipped to the scale, mean over the folds",
            "Hug, Surprise (JOSS 2020), the table of its README: the same folds for the same file",
            partial(cuts.shuffled_folds, n_splits=5),
            _ERRORS,
            events=False,
        ),
        Protocol(
            "official-u1-u5",
            "the five test files of MovieLens 100k, predictions clipped to the scale, mean over the folds",
            "Harper and Konstan, The MovieLens datasets (TiiS 2015)",
            cuts.given_folds,
            _ERRORS,
            events=False,
        ),
        Protocol(
            "rendle-2019",
            "10 random folds of 90 % to learn from and 10 % to predict, clipped, mean over the folds",
            "Rendle, Zhang and Koren, On the difficulty of evaluating baselines (2019)",
            partial(cuts.shuffled_folds, n_splits=10),
            _ERRORS,
            events=False,
        ),
        Protocol(
            "liang-2018",
            "users whom training never sees: 80 % of each folded in, 20 % to find in the whole catalogue",
            "Liang et al., Variational autoencoders for collaborative filtering (WWW 2018)",
            cuts.held_out_users,
            ("ndcg@100", "recall@20", "recall@50"),
            relevant_from=4,
            recall_denominator="min_k",
            seed=98765,
        ),
        Protocol(
            "ncf-loo",
            "each user's last item among 99 sampled ones, and beside it among all items",
            "He et al., Neural collaborative filtering (WWW 2017); Krichene and Rendle (KDD 2020) on what "
            "sampling hides",
            cuts.last_among_sampled,
            ("sampled hit_rate@10", "sampled ndcg@10", "hit_rate@10", "ndcg@10"),
        ),
        Protocol(
            "lightgcn",
            "a fifth of each user's items to find in the whole catalogue",
            "He et al., LightGCN (SIGIR 2020)",
            cuts.fifth_of_each_user,
            ("recall@20", "ndcg@20"),
        ),
        Protocol(
            "time",
            "the past to learn from and what came after it, so that nothing leaks back",
            "Meng et al., Exploring data splitting strategies (RecSys 2020); Ji et al. (TOIS 2023)",
            cuts.in_time,
            ("ndcg@20", "recall@20", *_ERRORS),
            events=False,
        ),
    )
}
