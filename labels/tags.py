"""Tags of a sequence and the spans they stand for, in the schemes BIO, BIOES and BMES."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from bangfu.labels.document import Span

Scheme = Literal["BIO", "BIOES", "BMES"]
SCHEMES: tuple[Scheme, ...] = ("BIO", "BIOES", "BMES")
# begin, inside, end and single letter of each scheme
_LETTERS = {"BIO": "BIIB", "BIOES": "BIES", "BMES": "BMES"}


class TagError(ValueError):
    """A tag that cannot stand where it stands: ``index`` says where, ``what`` and ``mend`` what to do."""

    def __init__(self, index: int, what: str, mend: str) -> None:
        self.index, self.what, self.mend = index, what, mend
        super().__init__(f"tag {index}: {what}; {mend}")


def spans_to_tags(length: int, spans: Iterable[Span], scheme: Scheme = "BIO") -> list[str]:
    """Tags of a sequence of ``length`` items whose spans are given in items; the rest is O."""
    begin, inside, end, single = tuple(_LETTERS[scheme])
    tags = ["O"] * length
    for span in spans:
        if span.end > length:
            raise ValueError(f"span [{span.start}, {span.end}) ends behind the sequence of {length}")
        letters = single if span.end - span.start == 1 else begin + inside * (span.end - span.start - 2) + end
        for index, letter in zip(range(span.start, span.end), letters, strict=True):
            tags[index] = f"{letter}-{span.label}"
    return tags


def guess_scheme(tags: Iterable[str]) -> Scheme:
    """The scheme a file is written in, by the letters it uses."""
    letters = {tag[0] for tag in tags if tag}
    if "M" in letters:
        return "BMES"
    return "BIOES" if letters & {"E", "S"} else "BIO"


def tags_to_spans(tags: Sequence[str], scheme: Scheme = "BIO") -> list[Span]:
    """Spans of a sequence of tags, in order.

    Raises TagError at the first tag that is unknown or may not follow the one before it (I- without
    B-, another label inside a span, a span that is not closed); nothing is repaired silently.
    """
    begin, inside, end, single = tuple(_LETTERS[scheme])
    closed_by_letter = scheme != "BIO"
    spans: list[Span] = []
    start, label = -1, ""  # the open span; start is -1 outside

    def close(index: int) -> None:
        if closed_by_letter:
            raise TagError(index, f"{label} span of item {start} is not closed by {end}-{label}", f"end it with {end}-")
        spans.append(Span(start, index, label))

    for index, tag in enumerate(tags):
        letter, _, name = tag.partition("-")
        if tag == "O":
            if start >= 0:
                close(index)
            start = -1
        elif not name or letter not in {begin, inside, end, single}:
            raise TagError(index, f"{tag!r} is not a tag of {scheme}", f"use O or {begin}-LABEL and so on")
        elif letter in (begin, single):
            if start >= 0:
                close(index)
            try:
                checked = Span(index, index + 1, name)
            except ValueError as error:
                what, _, mend = str(error).partition("; ")
                raise TagError(index, what, mend) from None
            start, label = index, name
            if closed_by_letter and letter == single:
                spans.append(checked)
                start = -1
        elif start < 0:
            raise TagError(index, f"{tag} without {begin}-{name} in front of it", f"begin the span with {begin}-{name}")
        elif name != label:
            raise TagError(index, f"{tag} inside a {label} span", f"begin a new span with {begin}-{name}")
        elif closed_by_letter and letter == end:
            spans.append(Span(start, index + 1, label))
            start = -1
    if start >= 0:
        close(len(tags))
    return spans
