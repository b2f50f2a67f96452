"""The progress bar of an extraction, and its pace."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from tqdm import tqdm

from bangfu.inference.reading import Reading


class Progress:
    """A bar on standard error by bytes of the input where their number is known, else ``by_articles``.

    Bytes tell the time left, whatever an article is. Nothing is shown where ``quiet`` or where standard
    error is no terminal.
    """

    def __init__(self, reading: Reading, quiet: bool = False, by_articles: bool = False) -> None:
        self._reading, self._size = reading, None if by_articles else reading.size()
        unit: dict[str, Any] = {"unit": "B", "unit_scale": True} if self._size else {"unit": " articles"}
        self._bar = tqdm(total=self._size or None, disable=quiet or not sys.stderr.isatty(), **unit)
        self._articles = self._characters = 0
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()

    def each(self, characters: int) -> None:
        """An article of so many characters is done."""
        self._articles += 1
        self._characters += characters
        if not self._size:
            self._bar.update()
            return
        if self._articles == 1 and not self._bar.disable:
            # what was read of finished parts is no work done now
            self._bar.initial = self._bar.n = self._reading.bytes_read
        self._bar.set_postfix_str(f"{self._articles:,} articles, {self._rate():,.0f} characters/s", refresh=False)
        self._bar.update(self._reading.bytes_read - self._bar.n)

    def pace(self) -> str:
        """How long it took, and how many characters a second that is."""
        return f"{time.monotonic() - self._began:,.1f} s, {self._rate():,.0f} characters/s"

    def _rate(self) -> float:
        return self._characters / max(1e-3, time.monotonic() - self._began)
