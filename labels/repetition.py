"""Repetition: runs of characters that stand in more than one document, or in other text, names aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bangfu.labels.document import Document
from bangfu.labels.schema import LABEL_NAMES

# Stand for a name or an amount; private-use characters, which no text holds.
PLACEHOLDERS = {name: chr(0xE000 + number) for number, name in enumerate(LABEL_NAMES)}


@dataclass(frozen=True)
class Run:
    """A run of characters, the documents it stands in, in how many places, and where else it was looked up."""

    text: str
    documents: tuple[str, ...]
    places: int = 0
    elsewhere: tuple[str, ...] = ()


def mould(document: Document) -> str:
    """The text with each span made one placeholder of its label: what is left when names are set aside."""
    parts, position = [], 0
    for span in sorted(document.spans):
        parts += [document.text[position : span.start], PLACEHOLDERS[span.label]]
        position = span.end
    return "".join([*parts, document.text[position:]])


def _runs(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(len(text) - size + 1))


def repeated(documents: Sequence[Document], size: int = 20) -> tuple[int, list[Run]]:
    """How many runs of ``size`` characters the moulds have, and those that stand in more than one document."""
    # by place, for documents of different files may have one id
    first: dict[str, int] = {}
    more: dict[str, set[int]] = {}
    places: Counter[str] = Counter()
    for number, document in enumerate(documents):
        for run in _runs(mould(document), size):
            places[run] += 1
            if first.setdefault(run, number) != number:
                more.setdefault(run, {first[run]}).add(number)
    return places.total(), [
        Run(run, tuple(documents[number].id for number in sorted(found)), places[run]) for run, found in more.items()
    ]


def share_repeated(documents: Sequence[Document], size: int = 20) -> float:
    """The share of runs, each place counted, that stand in more than one document."""
    total, runs = repeated(documents, size)
    return share(total, runs)


def share(total: int, runs: Iterable[Run]) -> float:
    """The share of ``total`` runs that ``runs`` are, each place counted."""
    return sum(run.places for run in runs) / total if total else 0.0


def shared(documents: Sequence[Document], others: Iterable[tuple[str, str]], size: int = 15) -> list[Run]:
    """Runs of ``size`` characters outside of spans that stand in other texts, too; ``others`` are (name, text)."""
    places: dict[str, set[str]] = {}
    for document in documents:
        position = 0
        for start, end in [*((span.start, span.end) for span in sorted(document.spans)), (len(document.text), 0)]:
            for run in _runs(document.text[position:start], size):
                places.setdefault(run, set()).add(document.id)
            position = end
    found: dict[str, set[str]] = {}
    for name, text in others:
        for run in _runs(text, size):
            if run in places:
                found.setdefault(run, set()).add(name)
    return [Run(run, tuple(sorted(places[run])), elsewhere=tuple(sorted(names))) for run, names in found.items()]
