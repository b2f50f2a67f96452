"""Lines of plain or JSON text, .gz and .xz too."""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from bangfu.labels.user_error import UserError

# What a missing, unreadable or broken file, packed or not, raises while it is read.
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError)


def open_text(path: Path, errors: Literal["replace", "surrogateescape"], newline: str | None = None) -> IO[str]:
    """Open UTF-8 text, unpacked when its name ends in .gz or .xz; ``errors`` is what becomes of other bytes.

    ``newline`` is that of ``open``: by default a line ends at a lone carriage return, too.
    """
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    return opener(path, "rt", encoding="utf-8", errors=errors, newline=newline)  # type: ignore[operator, no-any-return]


def lines(path: Path) -> Iterator[str]:
    """The lines of a file as they stand, without line feed or CR LF; UserError when it cannot be read."""
    try:
        # a lone carriage return is a character of a text like any other
        with open_text(path, "replace", newline="\n") as opened:
            for line in opened:
                yield line.removesuffix("\n").removesuffix("\r")
    except BROKEN as error:
        raise UserError(f"{path}: cannot be read ({error}); give a .txt or .jsonl file, .gz or .xz too") from error


def texts(path: Path) -> Iterator[str]:
    """The lines of a text file, or the ``text`` of each line of a JSONL file; UserError when it cannot be read."""
    for number, line in enumerate(lines(path), 1):
        if ".jsonl" not in path.suffixes:
            yield line
            continue
        if number == 1:
            line = line.removeprefix("\ufeff")  # editors on Windows set it in front
        if not line.strip():
            continue
        try:
            yield str(json.loads(line)["text"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path}:{number}: no JSON object with a 'text'; write one a line") from error
