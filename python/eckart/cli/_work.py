"""What several commands do: read ratings, make a model, load one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError
from eckart.cli._console import shows_progress

_CLASSES = {
    "als": "ALS", "implicit-als": "ImplicitALS", "ease": "EASE", "itemknn": "ItemKNN", "baseline": "Baseline",
    "popularity": "Popularity",
}  # fmt: skip


def set_threads(threads: int | None) -> None:
    """Use so many threads; None leaves the default."""
    from eckart.base.threads import set_num_threads

    if threads is not None:
        set_num_threads(threads)


def read_ratings(path: Path, columns: dict[str, str | None], duplicates: Any, dtype: Any) -> Any:
    """Return the Ratings of a file; `columns` are names, or numbers from 0, or None to guess."""
    from eckart.data.ratings import Ratings

    chosen = {name: int(c) if c is not None and c.isdecimal() else c for name, c in columns.items()}
    policy = None if duplicates is None else duplicates.value
    return Ratings.from_file(path, duplicates=policy, dtype=dtype.value, verbose=shows_progress(), **chosen)


def make_model(name: Any, *, seed: int, no_biases: bool = False, **options: Any) -> Any:
    """Return an unfitted model; ValueError for an option that it does not have.

    options : parameters of the model, as typer gives them; those that are None keep their defaults
    """
    from eckart import completion

    cls = getattr(completion, _CLASSES[name.value])
    given = {option: getattr(v, "value", v) for option, v in options.items() if v is not None}
    if "reg" in given:
        given["reg"] = parse_reg(given["reg"])
    if no_biases:
        given["biases"] = False
    known = cls._param_names()
    for option in given:
        if option not in known:
            shown = "--no-biases" if option == "biases" else f"--{option.replace('_', '-')}"
            raise ValueError(f"{shown}: --model {name.value} has no such parameter")
    if "random_state" in known:
        given["random_state"] = seed
    if "verbose" in known:
        given["verbose"] = shows_progress()
    return cls(**given)


def parse_reg(text: str) -> float | tuple[float, float]:
    """Return "0.1" as a number and "0.1,0.2" as one for users and one for items."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise ValueError(f"--reg: expected one number or two with a comma between, got {text!r}")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def load_model(path: Path) -> Any:
    """Return the model of a file; EckartError where it holds something else."""
    from eckart.base.persistence import load
    from eckart.completion._model import CompletionModel

    model = load(path)
    if not isinstance(model, CompletionModel):
        raise EckartError(f"{path} holds {type(model).__name__}, not a model")
    return model


def with_ratings(model: Any, path: Path) -> Any:
    """Return the training ratings of a loaded model. EckartError where its file was saved without them."""
    if model.interactions_ is None:
        raise EckartError(f"{path} was saved without its ratings (--no-interactions), which this needs")
    return model.interactions_


def check_output(path: Path, *suffixes: str) -> None:
    """Refuse before the work what could not be written after it."""
    if suffixes and path.suffix not in suffixes:
        raise ValueError(f"{path}: expected a name that ends in {' or '.join(suffixes)}")
    if path.is_dir():
        raise EckartError(f"cannot write {path}: it is a folder")
    if not path.absolute().parent.is_dir():
        raise EckartError(f"cannot write {path}: there is no folder {path.parent}")


@contextmanager
def timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    """Record how long the block took as ``seconds[what]``."""
    start = time.perf_counter()
    yield
    seconds[what] = round(time.perf_counter() - start, 4)
