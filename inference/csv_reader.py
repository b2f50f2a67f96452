"""CSV with a header: a row an article, the text in one of its columns."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from bangfu.inference.column import check_once, id_column, text_column
from bangfu.inference.encodings import MEND, NOT_DECODED
from bangfu.inference.input_error import InputError, reason
from bangfu.inference.record import Record

_SAMPLE = 20  # rows by which the text column is guessed
_CELL = 2**31 - 1  # characters; the limit of the csv module, 131,072, is below a long report


def records(
    lines: Iterable[str], where: str, column: str | None, skipped: Callable[[InputError], None]
) -> Iterator[Record]:
    """Yield the text of each row; a row of too few or too many cells, and all behind wrong quotes, go to ``skipped``.

    Cells are parted by comma, semicolon or tab, whichever the header has most of. A lone surrogate stands for a byte
    that is not in the encoding. Raises InputError when there is no column of text, or two of its name.
    """
    lines = iter(lines)
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)
    rows = _rows(chain([first], lines), delimiter, where, skipped)
    header = next(rows, [])
    sample = list(islice(rows, _SAMPLE))
    cells = {name: [row[place] for row in sample if place < len(row)] for place, name in enumerate(header)}
    name = text_column(cells, column, header, where)
    text, key = header.index(name), id_column(header)
    known = None if key is None else header.index(key)
    check_once(header, (name, key), where)
    for number, row in enumerate(chain(sample, rows), 2):
        if not row:
            continue  # an empty line
        wrong = _wrong(row, header, text, delimiter)
        if wrong:
            skipped(InputError(wrong, where, number))
        else:
            own = row[known] if known is not None and known < len(row) else None
            yield Record(number, name, row[text], own or None)


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
    before = csv.field_size_limit(_CELL)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        yield from rows
    except csv.Error as error:
        what = f"broken at line {rows.line_num} ({reason(error)})"
        skipped(InputError(f'{what}; quote cells with ", and write "" for a " in them', where))
    finally:
        csv.field_size_limit(before)
