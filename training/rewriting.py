"""Rewriting of a document character by character, its spans and links carried along exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bangfu.labels.document import Document, Span


@dataclass(frozen=True)
class Cell:
    """What becomes of one character: ``main`` stands for it, ``tail`` follows it.

    A span covers its characters' mains and the tails between them; the tail of its last character is
    outside, as the guidelines have it for a pinyin bracket.
    """

    main: str
    tail: str = ""


def cells(text: str) -> list[Cell]:
    """A cell for each character that stays as it is."""
    return [Cell(char) for char in text]


def rewrite(document: Document, changed: Sequence[Cell], before: str = "", after: str = "") -> Document:
    """The document with each character replaced by its cell, ``before`` and ``after`` set around it.

    Spans keep their order and labels, so links hold. ValueError when nothing is left of a span.
    """
    if len(changed) != len(document.text):
        raise ValueError(f"{len(changed)} cells for a text of {len(document.text)} characters")
    starts, ends, position = [], [], len(before)
    for cell in changed:
        starts.append(position)
        ends.append(position + len(cell.main))
        position += len(cell.main) + len(cell.tail)
    spans = tuple(Span(starts[span.start], ends[span.end - 1], span.label) for span in document.spans)
    text = before + "".join(cell.main + cell.tail for cell in changed) + after
    return Document(document.id, text, spans, document.links)


def owners(document: Document) -> list[int]:
    """For each character the index of the span that it stands in, or -1."""
    result = [-1] * len(document.text)
    for number, span in enumerate(document.spans):
        result[span.start : span.end] = [number] * (span.end - span.start)
    return result


def replace_spans(document: Document, texts: dict[int, str]) -> Document:
    """The document with the texts of some spans, by index, replaced; none may be empty."""
    changed = cells(document.text)
    for number, text in texts.items():
        span = document.spans[number]
        if not text:
            raise ValueError(f"span {number} of {document.id} would be empty")
        # the whole new text stands for the first character, but the last one has to end the span
        changed[span.start : span.end] = [Cell("")] * (span.end - span.start)
        changed[span.start] = Cell(text if span.end - span.start == 1 else text[:-1])
        if span.end - span.start > 1:
            changed[span.end - 1] = Cell(text[-1])
    return rewrite(document, changed)
