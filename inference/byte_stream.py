"""Bytes of files and of standard input, unpacked."""

from __future__ import annotations

import gzip
import io
import lzma
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def byte_stream(path: str, count: Callable[[int], None]) -> Iterator[IO[bytes]]:
    """Yield the bytes of a file, unpacked when its name ends in .gz or .xz, or of standard input for ``-``.

    ``count`` takes the number of bytes of each piece that is read of a file, as it lies there.
    """
    if path == "-":
        yield sys.stdin.buffer  # stays open: it is not ours to close
        return
    opener: Any = {".gz": gzip.open, ".xz": lzma.open}.get(Path(path).suffix.lower())
    with io.BufferedReader(_Counted(path, count)) as stream:
        if opener is None:
            yield stream
        else:
            with opener(stream, "rb") as unpacked:
                yield unpacked


class _Counted(io.FileIO):
    def __init__(self, path: str, count: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._count_bytes = count

    def readinto(self, buffer: Any) -> int | None:  # type: ignore[override, unused-ignore]
        size = super().readinto(buffer)
        self._count_bytes(size or 0)
        return size

    def readall(self) -> bytes:
        raw = super().readall()
        self._count_bytes(len(raw))
        return raw
