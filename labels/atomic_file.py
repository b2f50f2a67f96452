"""Files that are whole or as they were before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to, which takes its place when the block ends.

    When the block ends with an error, ``path`` stays as it was and nothing is left beside it.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all."""
    with replaced(path) as partial:
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        # a lone surrogate, as in the name of a file that is not UTF-8, becomes its escape and reads back as itself
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
