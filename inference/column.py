"""The columns of a table that hold the articles' text and ids."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from bangfu.inference.input_error import InputError

_NAMES = ("text", "content", "body", "article", "正文", "内容", "文本", "全文", "原文")


def named_column(names: Collection[str], wanted: str | None, columns: Sequence[str], where: str) -> str | None:
    """The column ``wanted``, or the one that is called as such columns are; None when only its cells can tell it.

    ``names`` are those of the columns that may be it, ``columns`` those of all. Raises InputError when the
    one wanted is not there.
    """
    lower = {name.strip().lower(): name for name in names}
    if wanted is None:
        return next((lower[name] for name in _NAMES if name in lower), None)
    if wanted not in names:
        raise InputError(f"no column {wanted!r} of text; {_there(columns)}", where)
    return wanted


def guessed_column(samples: Mapping[str, Sequence[str]], columns: Sequence[str], where: str) -> str:
    """The column that has most Han characters in ``samples``, some cells of each that may be it.

    ``columns`` are the names of all. Raises InputError when none holds Chinese.
    """
    counts = {column: sum(map(_han, cells)) for column, cells in samples.items()}
    best = max(counts, key=counts.__getitem__, default=None)
    if best is None or not counts[best]:
        raise InputError(f"no column of Chinese text; name one with --column: {_there(columns)}", where)
    return best


def _there(columns: Sequence[str]) -> str:
    return f"it has {', '.join(map(repr, columns))}" if columns else "it has none"


def _han(cell: str) -> int:
    return sum("\u4e00" <= char <= "\u9fff" for char in cell)


def id_column(columns: Sequence[str]) -> str | None:
    """The first column called ``id``, in whatever case."""
    return next((name for name in columns if name.strip().lower() == "id"), None)


def own_id(value: str | int | float | None) -> str | None:
    """The id that a row gives itself; None where it is null, empty or NaN."""
    if isinstance(value, float):  # of a column that lacks some, pandas makes numbers with a point
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    return None if value in (None, "") else str(value)


def check_once(columns: Sequence[str], wanted: Iterable[str | None], where: str) -> None:
    """Raise InputError where a column that is ``wanted`` is there more than once."""
    for name in sorted({name for name in wanted if name is not None and columns.count(name) > 1}):
        raise InputError(f"two columns are called {name!r}; rename one of them", where)
