"""The exceptions of eckart."""

from typing import Any


class EckartError(Exception):
    """A file, a table or an environment that eckart cannot work with; the message says why.

    Wrong values of parameters and data are ``ValueError`` and ``TypeError``, unknown ids are
    ``KeyError``, as everywhere in Python.
    """


class DivergenceError(EckartError):
    """A fit whose objective stopped being finite. The model keeps its last good state."""


def one_line(said: object, limit: int = 300) -> str:
    """What another library said of a damaged file, as one printable line of at most `limit` characters.

    Such messages quote the file, which may be binary and of any length.
    """
    text = " ".join(str(said).split())
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: limit + 1]
    )
    return text if len(text) <= limit else text[: limit - 1] + "…"


def not_fitted(model: Any) -> Exception:
    """scikit-learn's ``NotFittedError``, imported only when it is needed (it costs a second)."""
    from sklearn.exceptions import NotFittedError

    name = type(model).__name__
    return NotFittedError(f"This {name} instance is not fitted yet: call fit first")
