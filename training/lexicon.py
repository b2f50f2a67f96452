"""Which of the known names stay out of the lexicon of :mod:`bangfu.inference.lexicon`: those that are often others.

``write(documents)`` made the shipped file, from the training split of the corpus and the first 6,170 training excerpts
of real news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from bangfu.inference.lexicon import FILE, Lexicon, names
from bangfu.labels.document import Document

# So many times as often a name must be marked as it stands outside of all marks, or is marked otherwise.
CLEAR = 10


def clear(documents: Iterable[Document], candidates: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Those of ``candidates`` that the marks of fully annotated documents do not speak against, with their labels.

    A name that the documents do not hold stays; one that then has two labels is left out.
    """
    every = frozenset[str]().union(*candidates.values())
    search = Lexicon.of(dict.fromkeys(every, ""))
    marked: Counter[tuple[str, str]] = Counter()
    met: Counter[str] = Counter()
    for document in documents:
        text, spans = document.text, {(span.start, span.end): span.label for span in document.spans}
        covered = {place for span in document.spans for place in range(span.start, span.end)}
        for start in search.begins(text).nonzero()[0].tolist():
            for length in search.lengths.get(text[start : start + 2], ()):
                end = start + length
                name = text[start:end]
                if len(name) == length and name in every:
                    label = spans.get((start, end))
                    if label is not None:
                        marked[name, label] += 1
                    if label is not None or covered.isdisjoint(range(start, end)):
                        met[name] += 1
    labels: dict[str, str] = {}
    for name in sorted(every):
        own = [
            label
            for label, some in candidates.items()
            if name in some and (met[name] - marked[name, label]) * CLEAR <= marked[name, label]
        ]
        if len(own) == 1:
            labels[name] = own[0]
    return labels


def write(documents: Iterable[Document], path: Path = FILE) -> None:
    """Write which names these documents keep out of the lexicon."""
    candidates = names()
    labels = clear(documents, candidates)
    lines = [
        " ".join([label, *sorted(name for name in some if labels.get(name) != label)])
        for label, some in candidates.items()
    ]
    head = "# Known names that are often something else, by label. Written by training/lexicon.py."
    path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
