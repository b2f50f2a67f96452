"""Records: the articles of a file that holds many."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """A text with the row it stands in, from 1, the column or key that held it, and its id if it has one."""

    row: int
    column: str
    text: str
    id: str | None
