"""The column of a table that holds the articles' text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bangfu.inference.input_error import InputError

_NAMES = ("text", "content", "body", "article", "正文", "内容", "文本", "全文", "原文")


def text_column(samples: Mapping[str, Sequence[str]], wanted: str | None, columns: Sequence[str], where: str) -> str:
    """The column ``wanted``, or the likeliest one: by its name, else by its Han characters.

    ``samples`` holds some cells of each column that may be it, ``columns`` the names of all. Raises
    InputError when the one wanted is not there, or none holds Chinese.
    """
    there = f"it has {', '.join(map(repr, columns))}" if columns else "it has none"
    if wanted is not None:
        if wanted not in samples:
            raise InputError(f"no column {wanted!r} of text; {there}", where)
        return wanted
    lower = {column.strip().lower(): column for column in samples}
    for name in _NAMES:
        if name in lower:
            return lower[name]
    counts = {column: sum(map(_han, cells)) for column, cells in samples.items()}
    best = max(counts, key=counts.__getitem__, default=None)
    if best is None or not counts[best]:
        raise InputError(f"no column of Chinese text; name one with --column: {there}", where)
    return best


def _han(cell: str) -> int:
    return sum("\u4e00" <= char <= "\u9fff" for char in cell)


def id_column(columns: Sequence[str]) -> str | None:
    """The first column called ``id``, in whatever case."""
    return next((name for name in columns if name.strip().lower() == "id"), None)


def check_once(columns: Sequence[str], wanted: Iterable[str | None], where: str) -> None:
    """Raise InputError where a column that is ``wanted`` is there more than once."""
    for name in sorted({name for name in wanted if name is not None and columns.count(name) > 1}):
        raise InputError(f"two columns are called {name!r}; rename one of them", where)
