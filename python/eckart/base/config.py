"""What was built how, and what is in use: for bug reports and benchmark tables."""

import platform
from typing import Any

from eckart import _native
from eckart._version import version
from eckart.base.threads import get_num_threads


def build_info() -> dict[str, Any]:
    """Return the facts that :func:`show_config` prints, as a dictionary of plain values."""
    built = _native.base.build_config()
    return {
        "version": version,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "instruction_sets_built": list(_native.BUILT),
        "instruction_sets_supported": list(_native.SUPPORTED),
        "instruction_set": _native.LEVEL,
        "matrix_unit": "amx-bf16" if _native.AMX else None,
        "compiler": built["compiler"],
        "flags": built["flags"],
        "eigen": built["eigen"],
        "openmp": built["openmp"],
        "threads": get_num_threads(),
    }


def show_config() -> None:
    """Print version, instruction sets (built, supported, in use), compiler, flags, OpenMP and threads."""
    for name, value in build_info().items():
        text = ", ".join(value) if isinstance(value, list) else "no" if value is None else value
        print(f"{name.replace('_', ' '):<28}{text}")
