"""One call for a whole protocol: cut, fit, measure, with the popularity baseline beside every model."""

import copy
import functools
import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from eckart.base.config import build_info
from eckart.base.validation import check_float, check_int, check_option
from eckart.completion.popularity import Popularity
from eckart.data.convert import as_ratings
from eckart.data.ratings import Ratings
from eckart.evaluation.cost import costed
from eckart.evaluation.folds import Fold
from eckart.evaluation.measure import ByUser, measure
from eckart.evaluation.protocols import PROTOCOLS, Protocol
from eckart.evaluation.record import BASELINE, Record, Result

_FACTS = ("version", "python", "platform", "instruction_set", "threads")


def run_protocol(
    name: str,
    models: Mapping[str, Any],
    data: Any,
    *,
    seed: int | None = None,
    relevant_from: float | None = None,
    **options: Any,
) -> Record:
    """Return the :class:`Record` of the named models, and of ``Popularity``, under a named protocol.

    name : one of :data:`PROTOCOLS`, which say what each does and where it was published

        ====================  =====================================================================
        ``surprise-5fold``    RMSE, MAE on Surprise's own folds
        ``official-u1-u5``    RMSE, MAE on given folds: ``test=[u1, ..., u5]``, each Ratings
        ``rendle-2019``       RMSE, MAE, 10 folds of 90/10
        ``liang-2018``        NDCG@100, Recall@20, Recall@50 of users held out (``n_held_out``), ratings
                              from 4 as clicks; ``part="validation"`` to choose settings on
        ``ncf-loo``           HR@10, NDCG@10 of each user's last item among 99 sampled ones, and among
                              all: ``test=``, ``negatives=`` (Ratings) are a published draw, else the
                              timestamps tell the last item and ``n_negatives`` are drawn
        ``lightgcn``          Recall@20, NDCG@20 over all items: ``test=`` or a fifth of each user's
        ``time``              NDCG@20, Recall@20, RMSE, MAE after a point in time (``test_size`` or
                              ``at``); needs ``data.timestamps``. No errors of clicks, nor beside models
                              that only rank
        ====================  =====================================================================

    models : unfitted models by name; each fold fits a copy. They answer to ``fit``, ``predict``,
        ``_recommend_codes`` and, for liang-2018, ``_recommend_rows``, as our completion models do
    data : all ratings, as anything that the models' ``fit`` takes; those of `test`, if they are among them,
        are taken out of training
    seed : of the folds and of the bootstrap; None is the protocol's own, that of the published folds
    relevant_from : ratings below it are no event (liang-2018: 4 unless `data` are counts), or, for
        ``time``, are not looked for
    options : as named above

    The same arguments give the same bits on any number of threads, but for seconds and memory. ValueError
    for an unknown name or option, for data that the protocol cannot cut, and for models that answer NaN.
    """
    data = as_ratings(data)
    protocol = PROTOCOLS[check_option(name, "name", tuple(PROTOCOLS))]
    seed = protocol.seed if seed is None else check_int(seed, "seed", low=0)
    settings = _settings(protocol, options)
    if relevant_from is None and not data.counted:
        relevant_from = protocol.relevant_from
    if relevant_from is not None:
        relevant_from = check_float(relevant_from, "relevant_from", low=-np.inf)
    chosen = _with_baseline(models)
    prepared, left_out = protocol.prepared(data, relevant_from)
    metrics = _metrics(protocol, data, models)
    judge = functools.partial(
        measure,
        metrics=metrics,
        scale=prepared.scale,
        relevant_from=None if protocol.events else relevant_from,
        recall_denominator=protocol.recall_denominator,
    )
    digest, counts, found = hashlib.sha256(), [], {model: Result.of(chosen[model]) for model in chosen}
    parts: dict[str, list[dict[str, ByUser]]] = {model: [] for model in chosen}
    for fold in protocol.cut(prepared, seed, **options):
        fold.update_hash(digest)
        counts.append(fold.counts())
        for what, n in fold.left_out.items():
            left_out[what] = left_out.get(what, 0) + n
        for model, unfitted in chosen.items():
            parts[model].append(_fit_and_judge(unfitted, fold, found[model], judge))
    facts = build_info()
    return Record(
        protocol=name,
        seed=seed,
        settings={"relevant_from": relevant_from, **settings},
        data_hash=data.data_hash,
        split_hash=digest.hexdigest(),
        folds=counts,
        left_out=left_out,
        environment={fact: facts[fact] for fact in _FACTS} | {"numpy": np.__version__},
        results=found,
        by_user=_joined(parts),
    )


def _settings(protocol: Protocol, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options as JSON has them (the test parts are in the split's hash); ValueError for others."""
    known = [p for p in inspect.signature(protocol.cut).parameters.values() if p.kind is p.KEYWORD_ONLY]
    fixed = getattr(protocol.cut, "keywords", {})
    allowed = {p.name: p.default for p in known if p.name not in fixed}
    for option in options:
        if option not in allowed:
            listed = ", ".join(allowed) or "none"
            raise ValueError(f"{option}: {protocol.name} has no such option (it has: {listed})")
    bound = allowed | options
    return {option: bound[option] for option in bound if option not in ("test", "negatives")}


def _metrics(protocol: Protocol, data: Ratings, models: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is measured: errors of clicks, or of models that only rank, mean nothing."""
    lists = tuple(metric for metric in protocol.metrics if "@" in metric)
    rankers = [model for model in models if not getattr(models[model], "predicts_ratings", True)]
    if rankers and not lists:
        raise ValueError(
            f"models: {protocol.name} measures errors of predicted ratings, got {rankers[0]!r} "
            f"({type(models[rankers[0]]).__name__}), whose scores only rank"
        )
    clicks = data.counted and lists
    return lists if clicks or rankers else protocol.metrics


def _with_baseline(models: Mapping[str, Any]) -> dict[str, Any]:
    """Return the models after the baseline that stands in every table."""
    given = models.get(BASELINE)
    if given is not None and not isinstance(given, Popularity):
        raise ValueError(
            f"models: {BASELINE!r} is the baseline's own name, got {type(given).__name__} under it"
        )
    return {BASELINE: Popularity()} | dict(models)


def _fit_and_judge(unfitted: Any, fold: Fold, result: Result, judge: Any) -> dict[str, ByUser]:
    """Fit a copy to the fold, note what it cost in `result`, and return what it got."""
    model, cost = costed(lambda: copy.deepcopy(unfitted).fit(fold.train))
    measured = judge(model, fold)
    result.fit_seconds += cost.seconds
    result.score_seconds += measured.seconds
    if cost.n_bytes is not None:
        result.fit_bytes = max(result.fit_bytes or 0, cost.n_bytes)
    return measured.by_user


def _joined(parts: dict[str, list[dict[str, ByUser]]]) -> dict[str, dict[str, ByUser]]:
    """Return (n_folds, n_users) arrays, of the users who count anywhere: what a record keeps."""
    joined = {
        model: {
            metric: ByUser(*(np.stack([fold[metric][side] for fold in folds]) for side in (0, 1)))
            for metric in folds[0]
        }
        for model, folds in parts.items()
    }
    counted = np.zeros(1, dtype=bool)
    for metric, x in next(iter(joined.values())).items():
        counting = (x.counts > 0).any(axis=0)
        if not counting.any():
            raise ValueError(f"data: expected users with something to find, nobody has any ({metric})")
        counted = counted | counting
    # Contiguous as a file gives them back: another layout would sum in another order.
    return {
        model: {
            metric: ByUser(*(np.ascontiguousarray(side[:, counted]) for side in x))
            for metric, x in metrics.items()
        }
        for model, metrics in joined.items()
    }
