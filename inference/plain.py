"""The text of a file that holds one article."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plain:
    """A text, what made it of the file, and the encoding the file was in where that was open.

    ``note`` is what the user should know about how it was made, or None.
    """

    text: str
    extractor: str
    encoding: str | None = None
    note: str | None = None
