"""The course's experiments: each one a file, one call and one command (``eckart reproduce NAME``).

An experiment is a module with ``TITLE`` (one line), ``run(*, quick, seed) -> Outcome``, which measures what
the theory predicts, and ``draw(outcome) -> Figure``, which shows it. One that needs a file of the user's says
in ``DATA`` what file that is and takes its path, ``run(..., data=None)``; quick runs go without.
"""

import importlib
from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError
from eckart.experiments.outcome import Check, Outcome, Table, figure_of

_HOMES: dict[str, str] = {
    "als-saddle": "als_saddle",
    "attention-at-init": "attention_at_init",
    "autoencoder-is-pca": "autoencoder_is_pca",
    "character-gpt": "character_gpt",
    "choosing-rank": "choosing_rank",
    "eckart-young": "eckart_young",
    "image-filters": "image_filters",
    "lecun-1989": "lecun_1989",
    "lenet-mnist": "lenet_mnist",
    "matrix-recovery": "matrix_recovery",
    "mnist-1d": "mnist_1d",
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


def reproduce(
    name: str, *, quick: bool = False, seed: int = 0, figure: str | Path | None = None,
    data: str | Path | None = None,
) -> Outcome:  # fmt: skip
    """Run an experiment; what it measured stands beside what is predicted.

    quick : a smaller size, for a first look; the checks are the same
    seed : of everything random; figure : a file to draw to (extra ``plot``)
    data : the file that an experiment on data of the user's reads; a quick run goes without

    Raises ValueError for an unknown name or a file that the experiment does not read, EckartError where a
    file is missing or is not what was expected, or the figure cannot be drawn: before the run.
    """
    module = _module(name)
    given = _given(name, module, quick, data)
    draw = None if figure is None else figure_of(module.draw, Path(figure))
    outcome: Outcome = module.run(quick=quick, seed=seed, **given)
    if draw is not None:
        draw(outcome)
    return outcome


def _given(name: str, module: Any, quick: bool, data: str | Path | None) -> dict[str, Path]:
    expected = getattr(module, "DATA", None)
    if data is not None and expected is None:
        raise ValueError(f"data: {name} reads no file, got {str(data)!r}")
    if data is None and expected is not None and not quick:
        raise EckartError(f"{name} needs a file, --data FILE: {expected} (--quick goes without)")
    return {} if data is None else {"data": Path(data)}


def _module(name: str) -> Any:
    if name not in _HOMES:
        raise ValueError(f"name: expected one of {', '.join(_HOMES)}, got {name!r}")
    return importlib.import_module(f"{__name__}.{_HOMES[name]}")
