"""Bytes of files and of standard input, unpacked."""

from __future__ import annotations

import gzip
import io
import lzma
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bangfu.inference.input_error import InputError

# Seconds that standard input is given to go on, before what has come of it is dealt with.
_PATIENCE = 0.02


@contextmanager
def byte_stream(path: str, count: Callable[[int], None]) -> Iterator[IO[bytes]]:
    """Yield the bytes of a file, unpacked when its name ends in .gz or .xz, or of standard input for ``-``.

    ``count`` takes the number of bytes of each piece that is read of a file, as it lies there. InputError when there
    is no standard input.
    """
    if path == "-":
        if sys.stdin is None:  # as Python has it when the shell closed it
            raise InputError("standard input is closed; pipe articles to it, or give files", path)
        yield StandardInput()  # sys.stdin stays open: it is not ours to close
        return
    opener: Any = {".gz": gzip.open, ".xz": lzma.open}.get(Path(path).suffix.lower())
    with io.BufferedReader(_Counted(path, count)) as stream:
        if opener is None:
            yield stream
        else:
            with opener(stream, "rb") as unpacked:
                yield unpacked


class StandardInput(io.BufferedReader):
    """The bytes of standard input, of which may be asked whether the next line has come."""

    def __init__(self) -> None:
        self._inner = _Inner()
        super().__init__(self._inner)

    def waits(self) -> bool:
        """Whether the next line is not there yet, nor comes at once."""
        if self._inner.number is None:
            return False
        self._inner.patient = False
        try:
            if b"\n" in self.peek():
                return False
        finally:
            self._inner.patient = True
        return not select.select([self._inner.number], [], [], _PATIENCE)[0]


class _Inner(io.RawIOBase):
    # sys.stdin may have been read from before, or be no file at all

    def __init__(self) -> None:
        self._file: Any = sys.stdin.buffer
        self.patient = True
        try:
            self.number: int | None = sys.stdin.fileno()
        except (OSError, ValueError):
            self.number = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # type: ignore[override, unused-ignore]
        if not self.patient and self.number is not None and not select.select([self.number], [], [], 0)[0]:
            return None  # nothing yet
        return int(self._file.readinto1(buffer))


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
