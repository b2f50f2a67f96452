"""CSV with a header: a row an article, the text in one of its columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from threading import RLock

from bangfu.inference.column import check_once, guessed_column, id_column, named_column
from bangfu.inference.encodings import MEND, NOT_DECODED
from bangfu.inference.input_error import InputError, reason
from bangfu.inference.record import Record

_SAMPLE = 20  # rows by which the text column is guessed
_CELL = 2**31 - 1  # characters; the limit of the csv module, 131,072, is below a long report
_QUOTED = re.compile('"[^"]*"')
_SEPARATOR = re.compile('"?sep=([^"\r\n])"?\\s*', re.IGNORECASE)  # how Excel is told the delimiter
_LONE_RETURN = re.compile("\r(?![\r\n])")  # some programs end lines with two and a line feed


def records(
    lines: Iterable[str], where: str, column: str | None, skipped: Callable[[InputError], None]
) -> Iterator[Record]:
    """Yield the text of each row; a row of too few or too many cells, and all behind wrong quotes, go to ``skipped``.

    Cells are parted by what a first line ``sep=`` names, or else by comma, semicolon or tab, whichever the header has
    most of. What stands above the header counts as rows, and empty lines do. A lone surrogate stands for a byte that
    is not in the encoding. Raises InputError when there is no column of text, or two of its name.
    """
    with _LONG_CELLS:  # not further in: an error that is kept keeps what runs there from its end
        yield from _texts(_parted(iter(lines)), where, column, skipped)


def _texts(
    lines: Iterator[str], where: str, column: str | None, skipped: Callable[[InputError], None]
) -> Iterator[Record]:
    above, first, delimiter = _head(lines)
    # empty lines in place of those above keep the numbers of rows and lines those of the file
    rows = enumerate(_rows(chain(repeat("\n", above), [first], lines), delimiter, where, skipped), 1)
    header: list[str] = next((row for _, row in rows if _filled(row)), [])
    named = named_column(header, column, header, where)
    sample = [] if named is not None else list(islice(rows, _SAMPLE))
    cells = {name: [row[place] for _, row in sample if place < len(row)] for place, name in enumerate(header)}
    name = guessed_column(cells, header, where) if named is None else named
    text, key = header.index(name), id_column(header)
    known = None if key is None else header.index(key)
    check_once(header, (name, key), where)
    for number, row in chain(sample, rows):
        if not row:
            continue  # an empty line
        wrong = _wrong(row, header, text, delimiter)
        if wrong:
            skipped(InputError(wrong, where, number))
        else:
            own = row[known] if known is not None and known < len(row) else None
            yield Record(number, name, row[text], own or None)


def _parted(lines: Iterator[str]) -> Iterator[str]:
    """The lines, parted anew where the first shows that lone carriage returns end them, as Excel's CSV (Macintosh)."""
    first = next(lines, "")
    lines = chain([first], lines)
    bare = _QUOTED.sub("", first)
    # a line feed outside quotes ends a line, and the carriage return is one in a cell
    if _LONE_RETURN.search(bare) and ('"' in bare or not bare.endswith("\n")):
        return (part for line in lines for part in io.StringIO(line, newline=""))
    return lines


def _head(lines: Iterator[str]) -> tuple[int, str, str]:
    """The number of lines above the header, the header's first line, and what parts the cells."""
    told: re.Match[str] | None = None
    for above, line in enumerate(lines):
        if told is None and (told := _SEPARATOR.fullmatch(line)):
            continue
        if line.strip():
            return above, line, told[1] if told else max(",;\t", key=_QUOTED.sub("", line).count)
    return 0, "", ","


def _filled(row: list[str]) -> bool:
    return any(cell.strip() for cell in row)


def _wrong(row: list[str], header: list[str], text: int, delimiter: str) -> str | None:
    """What keeps a row's text from being what was meant."""
    if any(NOT_DECODED.search(cell) for cell in row):
        return f"bytes that are not in the encoding of the lines before; {MEND}"
    if text >= len(row):
        return f"the row has no cell for {header[text]!r}; give it all cells of the header"
    if any(row[len(header) :]):  # programs for tables write empty cells at the end
        return f"{len(row)} cells for the {len(header)} of the header; put cells that hold {delimiter!r} in quotes"
    return None


def _rows(
    lines: Iterable[str], delimiter: str, where: str, skipped: Callable[[InputError], None]
) -> Iterator[list[str]]:
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        yield from rows
    except csv.Error as error:
        what = f"broken at line {rows.line_num} ({reason(error)})"
        skipped(InputError(f'{what}; quote cells with ", and write "" for a " in them', where))


class _LongCells:
    """Lifts the limit on the length of cells, which is one for the whole process, while any reading is open."""

    def __init__(self) -> None:
        self._lock = RLock()  # entered anew where the garbage collector ends a reading as another begins
        self._open = self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._open:
                self._before = csv.field_size_limit(_CELL)
            self._open += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._open -= 1
            if not self._open:
                csv.field_size_limit(self._before)


_LONG_CELLS = _LongCells()
