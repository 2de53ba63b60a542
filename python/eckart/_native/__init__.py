"""The native kernels, in the instruction set that suits this processor.

One extension module is built per instruction set (``_v1``, ``_v3``, ``_v4`` for x86-64,
x86-64-v3, x86-64-v4). The best one that is both built and supported is loaded; the environment
variable ``ECKART_ISA`` asks for another. Where the processor has a matrix unit (AMX), kernels that
gain from it use it; ``ECKART_AMX=0`` keeps them to vectors. The module's submodules are importable from here:
``from eckart._native import completion``.
"""

import importlib
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

from eckart._native._cpu import supported_levels

__all__ = [
    "AMX",
    "BUILT",
    "LEVEL",
    "SUPPORTED",
    "base",
    "completion",
    "data",
    "decomposition",
    "linalg",
    "metrics",
    "nn",
]

_KNOWN = ("v1", "v3", "v4", "generic", "arm64")
_NAMES = {"x86-64": "v1", "x86-64-v1": "v1", "x86-64-v3": "v3", "x86-64-v4": "v4"}

SUPPORTED: tuple[str, ...] = supported_levels()
BUILT: tuple[str, ...] = tuple(level for level in _KNOWN if find_spec(f"{__name__}._{level}") is not None)


def _choose() -> str:
    usable = [level for level in SUPPORTED if level in BUILT]
    wanted = os.environ.get("ECKART_ISA", "").strip().lower()
    wanted = _NAMES.get(wanted, wanted)
    if wanted and wanted not in usable:
        raise ImportError(
            f"ECKART_ISA={os.environ['ECKART_ISA']!r} cannot be used: "
            f"built are {', '.join(BUILT) or 'none'}; "
            f"this processor supports {', '.join(SUPPORTED)}; choose one of {', '.join(usable) or 'none'}"
        )
    if not usable:
        raise ImportError(
            f"no native module of eckart for this processor: built are {', '.join(BUILT) or 'none'} "
            f"(*{EXTENSION_SUFFIXES[0]}), supported are {', '.join(SUPPORTED)}. Rebuild on this machine with "
            "`pip install --no-binary eckart eckart`, or for all instruction sets with "
            "`pip install -Ccmake.define.ECKART_VARIANTS=all .` in a checkout"
        )
    return wanted or usable[-1]


LEVEL: str = _choose()
_module = importlib.import_module(f"{__name__}._{LEVEL}")
for _family in ("base", "linalg", "data", "metrics", "completion", "decomposition", "nn"):
    globals()[_family] = sys.modules[f"{__name__}.{_family}"] = getattr(_module, _family)

AMX: bool = base.amx_available() and os.environ.get("ECKART_AMX", "").strip() != "0"  # noqa: F821
