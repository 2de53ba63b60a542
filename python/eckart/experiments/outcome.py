"""What an experiment found: checks of theory against measurement, tables, and what its figure shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError
from eckart.evaluation.figure import new_figure, save_figure


@dataclass(frozen=True)
class Check:
    """One prediction beside its measurement."""

    what: str
    measured: str
    predicted: str
    passed: bool

    @classmethod
    def close(cls, what: str, measured: float, predicted: float, rtol: float = 1e-6) -> "Check":
        """Passes where both agree to the relative tolerance `rtol` (absolute where 0 is predicted)."""
        passed = abs(measured - predicted) <= rtol * (abs(predicted) or 1.0)
        room = "" if rtol < 1e-3 else f" ± {100 * rtol:.3g} %" if predicted else f" ± {rtol:.3g}"
        return cls(what, f"{measured:.6g}", f"{predicted:.6g}{room}", bool(passed))

    @classmethod
    def at_least(cls, what: str, measured: float, bound: float) -> "Check":
        """Passes where the measurement reaches the bound."""
        return cls(what, f"{measured:.4g}", f"≥ {bound:.4g}", bool(measured >= bound))

    @classmethod
    def at_most(cls, what: str, measured: float, bound: float) -> "Check":
        """Passes where the measurement does not exceed the bound."""
        return cls(what, f"{measured:.4g}", f"≤ {bound:.4g}", bool(measured <= bound))


@dataclass(frozen=True)
class Table:
    """Rows for people; cells are text or numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass
class Outcome:
    """What one run found.

    checks : predictions beside measurements; tables : what was measured, for people
    data : plain values and arrays, what the figure shows
    """

    checks: list[Check] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return checks, tables and notes as plain values."""
        return {
            "passed": self.passed,
            "checks": [dict(vars(check)) for check in self.checks],
            "tables": [
                {"title": t.title, "columns": list(t.columns), "rows": [list(row) for row in t.rows]}
                for t in self.tables
            ],
            "notes": list(self.notes),
        }


def figure_of(draw: Callable[[Outcome], Any], path: Path) -> Callable[[Outcome], None]:
    """Return what draws an outcome to `path`; EckartError at once where that is bound to fail."""
    new_figure(1, 1)  # without matplotlib, before minutes of work
    if not path.parent.is_dir():
        raise EckartError(f"cannot write {path}: the folder does not exist")
    return lambda outcome: save_figure(draw(outcome), path)
