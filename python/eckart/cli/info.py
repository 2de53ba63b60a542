"""``eckart info``: what was built and what is in use, or what a file holds."""

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from eckart.cli import _options as o
from eckart.cli._console import megabytes, print_facts, print_json

File = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="A model file to describe.", show_default=False)
]


def info(file: File = None, json: o.Json = False) -> None:
    """Show the build (version, instruction sets, compiler, threads), or what a model file holds."""
    if file is not None:
        document = describe_file(file)
        title, facts = str(file), _file_facts(document)
    else:
        from eckart.base.config import build_info

        document = build_info()
        title, facts = "eckart", {name.replace("_", " "): _text(value) for name, value in document.items()}
    if json:
        print_json(document)
    else:
        print_facts(title, facts)


def describe_file(path: Path) -> dict[str, Any]:
    """Return class, parameters, sizes and origin of what `path` holds. EckartError if it is not ours."""
    from eckart.base.files import read_arrays
    from eckart.base.persistence import load

    obj = load(path)
    arrays, metadata = read_arrays(path)
    document: dict[str, Any] = {
        "file": str(path),
        "file_bytes": path.stat().st_size,
        "class": type(obj).__name__,
    }
    meta = json_module.loads(metadata["meta"])
    if hasattr(obj, "get_params"):
        data, users, items = obj.interactions_, obj.users_, obj.items_
        document["parameters"] = {p: v for p, v in obj.get_params().items() if p != "verbose"}
        document["interactions"] = data is not None
    else:
        data, users, items = obj, obj.users, obj.items
    document |= {"n_users": len(users), "n_items": len(items)}
    if data is not None:
        document |= {"n_ratings": len(data), "titles": data.titles is not None}
    document["arrays"] = {name: f"{a.dtype} {list(a.shape)}" for name, a in sorted(arrays.items())}
    document["data_hash"] = meta.get("data_hash")
    document["format_version"] = int(metadata["format_version"])
    document["provenance"] = json_module.loads(metadata.get("provenance", "{}"))
    return document


def _file_facts(document: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"holds": document["class"]}
    if document.get("parameters"):
        facts["parameters"] = ", ".join(f"{name} {value}" for name, value in document["parameters"].items())
    facts["shape"] = f"{document['n_users']:,} users × {document['n_items']:,} items"
    if "n_ratings" in document:
        facts["ratings"] = f"{document['n_ratings']:,}, {'with' if document['titles'] else 'without'} titles"
    else:
        facts["ratings"] = "left out (--no-interactions)"
    facts["arrays"] = "\n".join(f"{name}  {what}" for name, what in document["arrays"].items())
    facts["data hash"] = document["data_hash"] or "none"
    facts["written by"] = ", ".join(f"{name} {value}" for name, value in document["provenance"].items())
    facts["file"] = f"format {document['format_version']}, {megabytes(document['file_bytes'])}"
    return facts


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else "no" if value is None else str(value)
