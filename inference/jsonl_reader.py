"""JSON lines: an object a line, the text under one of its keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from bangfu.inference.column import own_id
from bangfu.inference.input_error import InputError, reason
from bangfu.inference.record import Record


def records(
    lines: Iterable[tuple[int, str]], where: str, column: str | None, skipped: Callable[[InputError], None]
) -> Iterator[Record]:
    """Yield the text of each numbered line, under ``column`` or ``text``; a bad line goes to ``skipped``.

    A null is an empty text.
    """
    key = column or "text"
    for number, line in lines:
        if not line.strip():
            continue
        try:
            text, name = _fields(line, key)
        except InputError as error:
            skipped(InputError(str(error), where, number))
        else:
            yield Record(number, key, text, name)


def _fields(line: str, key: str) -> tuple[str, str | None]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        raise InputError(f"not valid JSON ({reason(error)}); write one object a line") from error
    if not isinstance(value, dict) or key not in value or not isinstance(value[key], str | None):
        raise InputError(f'no string under {key!r}; write {{"id": …, "text": …}}, or name the key with --column')
    name = value.get("id")
    if not isinstance(name, str | int | float | None):
        raise InputError("the id is neither text nor a number; mend it or leave it out")
    return value[key] or "", own_id(name)
