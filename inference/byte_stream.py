"""Bytes of files and of standard input, unpacked."""

from __future__ import annotations

import gzip
import lzma
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def byte_stream(path: str) -> Iterator[IO[bytes]]:
    """Yield the bytes of a file, unpacked when its name ends in .gz or .xz, or of standard input for ``-``."""
    if path == "-":
        yield sys.stdin.buffer  # stays open: it is not ours to close
        return
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(Path(path).suffix.lower(), open)
    with opener(path, "rb") as stream:  # type: ignore[operator]
        yield stream
