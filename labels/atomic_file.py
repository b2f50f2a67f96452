"""Files that are whole or as they were before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bangfu.labels.user_error import UserError

_LONGEST = 255  # bytes of a name


def check(path: Path, *inputs: Path) -> None:
    """UserError when a file cannot be written there, or is one of the files that are read for it."""
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise UserError(f"{path}: a folder; name a file")
    if path.resolve() in [one.resolve() for one in inputs]:
        raise UserError(f"{path}: is read, too, and would be replaced; name another file to write")


def check_folder(path: Path) -> None:
    """UserError when a folder cannot be made there because a file stands in the way."""
    for one in (path, *path.parents):
        if one.exists() and not one.is_dir():
            raise UserError(f"{one}: a file; name a folder to write to")


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to, which takes its place when the block ends.

    When the block ends with an error, ``path`` stays as it was and nothing is left beside it. UserError for a
    folder that is not there: the error of the system would name a file that nobody has given.
    """
    check(path)
    partial = path.with_name(_partial(path.name))
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(name: str) -> str:
    end = f".{os.getpid()}.partial"
    while len(os.fsencode(name)) > _LONGEST - len(f".{end}"):  # a name may be as long as names may be
        name = name[:-1]
    return f".{name}{end}"


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all."""
    with replaced(path) as partial:
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        # a lone surrogate, as in the name of a file that is not UTF-8, becomes its escape and reads back as itself
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
