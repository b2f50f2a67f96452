"""Another tool, by the adapter that the benchmark of accuracy calls it by."""

from __future__ import annotations

import importlib
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any


def load(adapter: str, batches: bool = False) -> tuple[dict[str, Any], Callable[..., int]]:
    """The tool, text by text, or in ``batches`` where the adapter has ``load_batches``; gives the number of marks."""
    tool = runpy.run_path(adapter)
    if batches:
        find_all = tool["load_batches"]()
    else:
        find = tool["load"]()

        def find_all(texts: list[str]) -> list[Any]:
            return [find(text) for text in texts]

    def work(texts: list[str]) -> int:
        return sum(len(marks) for marks in find_all(texts))

    version = _version(tool["PACKAGE"])
    description = {
        "name": (tool["NAME"] + " " + version).strip() + (", in batches" if batches else ""),
        "versions": {tool["PACKAGE"]: version},
        "files": [_place(data) for data in tool.get("DATA", ())],
    }
    return description, work


def _place(data: str) -> str:
    package, _, inside = data.partition("/")
    return str(Path(importlib.import_module(package).__file__ or "").parent / inside)


def _version(package: str) -> str:
    try:
        from importlib.metadata import version

        return version(package)
    except Exception:  # Python 3.7 has no importlib.metadata, and some tools no metadata
        return ""
