"""A file past 400 lines wants to be two: prints those that are, and the average of each language.

Usage: python tools/check_sizes.py [ROOT]
"""

import sys
from pathlib import Path

LIMIT = 400
FOLDERS = ("python", "cpp", "tests", "tools", "benchmarks")
LANGUAGES = {"Python": (".py", ".pyi"), "C++": (".cpp", ".hpp")}


def line_counts(root: Path, suffixes: tuple[str, ...]) -> dict[str, int]:
    """Return the number of lines of every non-empty source file with one of `suffixes`."""
    paths = [p for folder in FOLDERS for p in (root / folder).rglob("*") if p.suffix in suffixes]
    counts = {
        p.relative_to(root).as_posix(): len(p.read_text(encoding="utf-8").splitlines()) for p in sorted(paths)
    }
    return {name: count for name, count in counts.items() if count and not name.endswith("/_version.py")}


def too_long(root: Path) -> list[str]:
    """Return one line for every file of more than LIMIT lines."""
    return [
        f"{name}: {count} lines, at most {LIMIT} are allowed"
        for suffixes in LANGUAGES.values()
        for name, count in line_counts(root, suffixes).items()
        if count > LIMIT
    ]


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    for language, suffixes in LANGUAGES.items():
        counts = line_counts(root, suffixes)
        average = sum(counts.values()) / max(1, len(counts))
        print(f"{language}: {len(counts)} files, {average:.0f} lines on average")
    found = too_long(root)
    print("\n".join(found) or f"no file over {LIMIT} lines")
    sys.exit(bool(found))
