"""Articles: texts as they were read, and what they were read from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """What an article was read from.

    ``file`` is the path as it was given or found, ``-`` for standard input; ``extractor`` is what made text
    of it. ``characters`` counts code points of the text. ``encoding`` is Python's name of it, None where
    the kind of file leaves no choice. ``row`` is a line of JSON lines or a row of a table, from 1 (the
    header of CSV is row 1), and ``column`` the column or key that held the text; None for other kinds.
    """

    file: str
    extractor: str
    characters: int
    encoding: str | None = None
    row: int | None = None
    column: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The source as a JSON object, without what does not apply to it."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Article:
    """A text to extract from. All offsets refer to ``text``; no two articles of one reading share an ``id``."""

    id: str
    text: str
    source: Source
