"""The course's experiments: each one a file, one call and one command (``eckart reproduce NAME``).

An experiment is a module with ``TITLE`` (one line), ``run(*, quick, seed) -> Outcome``, which measures what
the theory predicts, and ``draw(outcome) -> Figure``, which shows it.
"""

import importlib
from pathlib import Path
from typing import Any

from eckart.experiments.outcome import Check, Outcome, Table, figure_of

_HOMES: dict[str, str] = {
    "als-saddle": "als_saddle",
    "attention-at-init": "attention_at_init",
    "autoencoder-is-pca": "autoencoder_is_pca",
    "choosing-rank": "choosing_rank",
    "eckart-young": "eckart_young",
    "image-filters": "image_filters",
    "matrix-recovery": "matrix_recovery",
    "nmf-parts": "nmf_parts",
    "nuclear-vs-rank": "nuclear_vs_rank",
    "optimizers": "optimizers",
    "parameter-counts": "parameter_counts",
    "pca-image-compression": "pca_image_compression",
    "phase-transition": "phase_transition",
    "rank-one": "rank_one",
    "scalar-gradient-field": "scalar_gradient_field",
    "sgd-or-als": "sgd_or_als",
    "shift-equivariance": "shift_equivariance",
    "spectral-vs-random": "spectral_vs_random",
    "universal-approximation": "universal_approximation",
    "unrecoverable-spike": "unrecoverable_spike",
}
__all__ = ["Check", "Outcome", "Table", "names", "reproduce", "title"]


def names() -> list[str]:
    """Return the names of all experiments."""
    return list(_HOMES)


def title(name: str) -> str:
    """Return the line that says what an experiment shows. ValueError for an unknown name."""
    return str(_module(name).TITLE)


def reproduce(name: str, *, quick: bool = False, seed: int = 0, figure: str | Path | None = None) -> Outcome:
    """Run an experiment; what it measured stands beside what is predicted.

    quick : a smaller size, for a first look; the checks are the same
    seed : of everything random; figure : a file to draw to (extra ``plot``)

    Raises ValueError for an unknown name, EckartError where the figure cannot be drawn: before the run.
    """
    module = _module(name)
    draw = None if figure is None else figure_of(module.draw, Path(figure))
    outcome: Outcome = module.run(quick=quick, seed=seed)
    if draw is not None:
        draw(outcome)
    return outcome


def _module(name: str) -> Any:
    if name not in _HOMES:
        raise ValueError(f"name: expected one of {', '.join(_HOMES)}, got {name!r}")
    return importlib.import_module(f"{__name__}.{_HOMES[name]}")
