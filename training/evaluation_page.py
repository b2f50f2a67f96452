"""The HTML page of an evaluation: the figures, and every error in its sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bangfu.inference import page
from bangfu.labels.atomic_file import replaced, write_json
from bangfu.labels.document import Span
from bangfu.labels.schema import LABEL_NAMES
from bangfu.training.evaluation import ERROR_KINDS, MICRO, Comparison, Error, error_counts, intervals, total

_SENTENCE_END = re.compile(r"[。！？!?\n]")
_REACH = 60  # characters shown each side where no sentence ends


def write(comparisons: Sequence[Comparison], path: Path, title: str) -> None:
    """Write the page, atomically."""
    with replaced(path) as partial:
        partial.write_text("".join(_parts(comparisons, title)), encoding="utf-8", errors="backslashreplace")


def write_with_figures(
    comparisons: Sequence[Comparison], values: dict[str, Any], figures: Path, path: Path, title: str
) -> str:
    """Write the figures as JSON and the page beside them, into folders made where needed; gives a line that says so."""
    figures.parent.mkdir(parents=True, exist_ok=True)
    write_json(figures, values)
    write(comparisons, path, title)
    return f"written: {figures}, {path}"


def _parts(comparisons: Sequence[Comparison], title: str) -> Iterator[str]:
    yield page.opening(title)
    yield from figures(comparisons)
    for comparison in comparisons:
        yield (
            f"<h2>{escape(comparison.document.id)}</h2>\n<p>{len(comparison.errors)} errors, "
            f"{len(comparison.document.spans)} gold spans</p>\n"
        )
        for error in comparison.errors:
            yield _error(comparison, error)
    yield page.CLOSING


def figures(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """HTML tables of the scores by label and of the errors by kind."""
    scores, ranges = total(comparisons), intervals(comparisons)
    yield (
        f"<p>Strict spans, {len(comparisons)} documents. Intervals: 95 %, bootstrap over documents.</p>\n<table>"
        "<tr><th>label<th>precision<th>recall<th>F1<th>interval<th>gold<th>found</tr>\n"
    )
    for label in (*LABEL_NAMES, MICRO):
        score, (low, high) = scores[label], ranges[label]
        cells = (
            f"{100 * score.precision:.1f}",
            f"{100 * score.recall:.1f}",
            f"{100 * score.f1:.1f}",
            f"{100 * low:.1f}–{100 * high:.1f}",
            score.gold,
            score.found,
        )
        yield f"<tr><td>{label}" + "".join(f'<td class="number">{cell}' for cell in cells) + "</tr>\n"
    yield "</table>\n<table><tr><th>errors" + "".join(f"<th>{label}" for label in LABEL_NAMES) + "</tr>\n"
    for kind, by_label in error_counts(comparisons).items():
        yield (
            f'<tr><td><mark class="{kind}" data-tag="">{kind}</mark>'
            + "".join(f'<td class="number">{cell}' for cell in by_label.values())
            + "</tr>\n"
        )
    yield "</table>\n"


def _error(comparison: Comparison, error: Error) -> str:
    text = comparison.document.text
    rows = []
    sides = [span for span in (error.gold, error.found) if span]
    low, high = _sentence(text, min(span.start for span in sides), max(span.end for span in sides))
    for name, span in (("gold", error.gold), ("found", error.found)):
        if span:
            mark = page.Mark(span.start, span.end, error.kind, span.label, f"{name} [{span.start}, {span.end})")
            rows.append(f"<small>{name}</small> {page.highlight(text, [mark], low, high)}")
    assert error.kind in ERROR_KINDS
    return f'<div class="error"><b>{error.kind}</b> {_label(sides)}<br>' + "<br>".join(rows) + "</div>\n"


def _label(sides: Sequence[Span]) -> str:
    return " → ".join(dict.fromkeys(span.label for span in sides))


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence around a range, at most ``_REACH`` characters each side."""
    before = [match.end() for match in _SENTENCE_END.finditer(text, max(0, start - _REACH), start)]
    after = _SENTENCE_END.search(text, end, min(len(text), end + _REACH))
    return (before[-1] if before else max(0, start - _REACH)), (after.end() if after else min(len(text), end + _REACH))
