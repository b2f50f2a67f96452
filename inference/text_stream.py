"""Lines of text that are decoded as they come."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import IO

from bangfu.inference.encodings import (
    LEGACY,
    MEND,
    detect,
    marked,
    meant,
    misfit,
    ordered,
    undecodable,
    unmarked,
    utf8_amid,
)
from bangfu.inference.input_error import InputError

_SAMPLE = 1 << 16  # bytes by which an encoding other than UTF-8 is told
# The least first byte of a character of three bytes in UTF-8; two-byte ones may be GB18030, such as 省 and 摘要.
_THREE_BYTES = 0xE0


class TextStream:
    """The lines of a stream of bytes, each with its number from 1, line ends kept; iterate once.

    The encoding is that of the byte order mark, or told by the first line that is not ASCII, and by those
    behind it when that one may be something else. Lines of UTF-8 amid those of an old encoding that was told so are
    read as what they are. A line that is not in the encoding goes to ``skipped`` as an InputError, and the next
    follows; without ``skipped`` it comes with a lone surrogate for each wrong byte. Raises InputError when the
    encoding cannot be told, or UTF-16 breaks off.
    """

    def __init__(
        self, stream: IO[bytes], where: str, encoding: str | None, skipped: Callable[[InputError], None] | None
    ) -> None:
        self._stream, self._where, self._given, self._skipped = stream, where, encoding, skipped
        self.encoding = encoding or "utf-8"  # of the line given out last

    def __iter__(self) -> Iterator[tuple[int, str]]:
        lines = iter(self._stream)
        first = next(lines, b"")
        name = unmarked(self._given, first) if self._given else marked(first)
        if name == "utf-8-sig":
            self._given = self.encoding = name
            first = first.removeprefix(codecs.BOM_UTF8)
        elif name is not None and "\n".encode(name) != b"\n":
            self.encoding = name
            return enumerate(self._wide(chain([first], lines), name, ordered(name, first)), 1)
        return self._narrow(enumerate(chain([first] if first else [], lines), 1))

    def _wide(self, pieces: Iterable[bytes], encoding: str, order: str) -> Iterator[str]:
        # a byte of a wide character, as of 上, may look like a line end, so that a piece may be any part of a line
        decoder = codecs.getincrementaldecoder(encoding)()
        behind = len("\n".encode(order).partition(b"\n")[2])  # bytes of a line end behind the one that ends a piece
        held: list[str] = []  # joined once: a long line may come in a hundred thousand pieces
        try:
            for piece in pieces:
                *ends, rest = decoder.decode(piece + self._stream.read(behind)).split("\n")
                for end in ends:
                    yield "".join([*held, end, "\n"])
                    held.clear()
                held.append(rest)
            held.append(decoder.decode(b"", final=True))
        except UnicodeError as error:
            raise InputError(f"breaks off: not {encoding} any more; {MEND}", self._where) from error
        if any(held):
            yield "".join(held)

    def _narrow(self, numbered: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, str]]:
        if self._given is None:
            for number, line in numbered:
                if not line.isascii():
                    numbered = chain(self._told((number, line), numbered), numbered)
                    break
                yield number, line.decode("ascii")
        told, mixed = self.encoding, self._given is None and self.encoding in LEGACY
        for number, line in numbered:
            if mixed and (text := utf8_amid(line, told)) is not None:
                self.encoding = "utf-8"
                yield number, text
                continue
            self.encoding = told
            try:
                yield number, line.decode("utf-8" if told == "utf-8-sig" else told)
            except UnicodeError as error:
                if self._skipped is None:
                    yield number, _escaped(line, told.removesuffix("-sig"))
                else:
                    self._skipped(InputError(misfit(error, told), self._where, number))

    def _told(self, first: tuple[int, bytes], more: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        # decides on the encoding and returns the lines that it took to do so
        sample, size = [first], len(first[1])
        # UTF-8 with a Chinese character is certain at once, and a slow stream flows on
        if detect(first[1]) != "utf-8" or max(first[1]) < _THREE_BYTES:
            for number, line in more:
                sample.append((number, line))
                size += len(line)
                if size >= _SAMPLE:
                    break
        lines = [line for _, line in sample if not line.isascii()]
        best = _vote(lines)
        if best in LEGACY:
            lines = [line for line in lines if utf8_amid(line, best) is None]
        # a broken line is no reason to doubt the others; of the old encodings more text tells more
        told = best if best == "utf-8" else detect(b"".join(lines)) or best
        if told is None:
            raise undecodable(self._where)
        self.encoding = told
        return sample


def _escaped(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding, "surrogateescape")
    except UnicodeError:  # of a codec that knows no such way out, idna among them
        return line.decode("ascii", "surrogateescape")


def _vote(lines: Iterable[bytes]) -> str | None:
    # the encoding of most of the bytes, each line judged by itself
    votes: Counter[str] = Counter()
    for line in lines:
        name = meant(line)
        if name is not None:
            votes[name] += len(line)
    return max(votes, key=votes.__getitem__, default=None)
