"""Which column is which: guessed from common names, or as the caller says."""

from collections.abc import Mapping, Sequence
from typing import Any

from eckart.base.errors import EckartError

# In order of preference; compared without case, blanks, hyphens and underscores.
COMMON_NAMES = {
    "user": "user userid uid customer customerid reviewer reviewerid visitorid member memberid accountid",
    "item": "item itemid iid movie movieid product productid asin parentasin isbn book bookid track trackid "
    "song songid artist artistid game gameid article articleid business businessid",
    "value": "rating ratings bookrating score stars overall value count counts plays playcount weight",
    "timestamp": "timestamp time ts datetime date unixreviewtime createdat",
    "title": "title itemtitle movietitle name itemname productname",
}
REQUIRED = ("user", "item")


def choose_columns(names: Sequence[str], wanted: Mapping[str, Any], source: str) -> dict[str, str]:
    """Return role → column name for the roles of COMMON_NAMES that are there.

    `wanted`: per role a name, a place (int), None (guess) or False (there is none). EckartError when a
    column that was named, or the user's or item's, is missing; it tells `source` and the columns.
    """
    there = f"{source} has the columns {', '.join(map(repr, names))}"
    chosen = {}
    for role, choice in wanted.items():
        if choice is False and role not in REQUIRED:
            continue
        name = guess(names, role) if choice is None else _named(names, role, choice, there)
        if name is not None:
            chosen[role] = name
        elif role in REQUIRED:
            raise EckartError(
                f"{role}: no column has a common name of a {role}; {there}; say which with {role}=..."
            )
    return chosen


def guess(names: Sequence[Any], role: str) -> str | None:
    """Return the column whose name is a common one for `role`, or None."""
    plain = {_plain(name): name for name in reversed(names) if isinstance(name, str)}
    return next((plain[common] for common in COMMON_NAMES[role].split() if common in plain), None)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _named(names: Sequence[str], role: str, choice: Any, there: str) -> str:
    if isinstance(choice, int) and not isinstance(choice, bool):
        if -len(names) <= choice < len(names):
            return names[choice]
    elif isinstance(choice, str) and choice in names:
        return choice
    raise EckartError(f"{role}: no column {choice!r}; {there}")
