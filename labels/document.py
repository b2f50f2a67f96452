"""Documents with labelled spans and the links between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bangfu.labels.schema import LABEL_NAMES, ROLE_NAMES, ROLES


@dataclass(frozen=True, order=True)
class Span:
    """A labelled range [start, end) of a text, in Unicode code points.

    Raises ValueError for an empty or negative range and for a label that the schema does not have.
    """

    start: int
    end: int
    label: str

    def __post_init__(self) -> None:
        if self.label not in LABEL_NAMES:
            raise ValueError(f"unknown label {self.label!r}; use one of {', '.join(LABEL_NAMES)}")
        if not 0 <= self.start < self.end:
            raise ValueError(f"span [{self.start}, {self.end}) is out of range; start must be >= 0 and below end")

    def overlaps(self, other: Span) -> bool:
        """Whether the two ranges share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, order=True)
class Link:
    """``head`` and ``tail`` are indices into a document's spans; a link leads from an AMOUNT or AID."""

    head: int
    tail: int
    role: str

    def __post_init__(self) -> None:
        if self.role not in ROLE_NAMES:
            raise ValueError(f"unknown role {self.role!r}; use one of {', '.join(ROLE_NAMES)}")


@dataclass(frozen=True)
class Document:
    """A text with its spans and links, as labelled or as extracted.

    Spans keep their order (links refer to it) and do not overlap. Raises ValueError with the first
    defect; :func:`problems` lists all of them.
    """

    id: str
    text: str
    spans: tuple[Span, ...] = ()
    links: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        found = problems(self.text, self.spans, self.links)
        if found:
            what, mend = found[0]
            raise ValueError(f"document {self.id!r}: {what}; {mend}")

    def span_text(self, span: Span) -> str:
        """The characters of a span."""
        return self.text[span.start : span.end]


def problems(text: str, spans: Sequence[Span], links: Sequence[Link]) -> list[tuple[str, str]]:
    """All that keeps spans and links from belonging to a text, as (what, how to mend it)."""
    found = []
    for number, span in enumerate(spans):
        if span.end > len(text):
            found.append(
                (
                    f"span {number} [{span.start}, {span.end}) {span.label} ends behind the text "
                    f"of {len(text)} characters",
                    "count offsets in code points of the raw text",
                )
            )
    ordered = sorted(spans)
    before = ordered[0] if ordered else None
    for after in ordered[1:]:
        assert before is not None
        if before.overlaps(after):
            found.append(
                (
                    f"spans [{before.start}, {before.end}) {before.label} {text[before.start : before.end]!r} and "
                    f"[{after.start}, {after.end}) {after.label} {text[after.start : after.end]!r} overlap",
                    "keep the longer one",
                )
            )
        before = max(before, after, key=lambda span: span.end)
    for number, link in enumerate(links):
        if not (0 <= link.head < len(spans) and 0 <= link.tail < len(spans)):
            found.append(
                (
                    f"link {number} from {link.head} to {link.tail} points outside the {len(spans)} spans",
                    "head and tail are indices into spans, from 0",
                )
            )
            continue
        role = ROLES[ROLE_NAMES.index(link.role)]
        head, tail = spans[link.head].label, spans[link.tail].label
        if head not in role.heads or tail not in role.tails:
            found.append(
                (
                    f"link {number} {link.role} leads from {head} to {tail}",
                    f"{link.role} leads from {' or '.join(role.heads)} to {' or '.join(role.tails)}",
                )
            )
    return found
