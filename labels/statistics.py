"""Statistics of labelled documents: what a corpus is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bangfu.labels.document import Document
from bangfu.labels.schema import LABEL_NAMES, ROLE_NAMES


@dataclass(frozen=True)
class Statistics:
    """Counts of documents; ``distinct`` are the different texts among the spans of a label.

    ``lengths`` are the least, lower quartile, median, upper quartile and greatest length in characters.
    """

    documents: int
    characters: int
    spans: dict[str, int]
    distinct: dict[str, int]
    links: dict[str, int]
    lengths: tuple[int, ...]

    def row(self, name: str) -> list[str]:
        """The cells of a table: documents, characters, spans in all, by label, links by role."""
        spans = [self.spans[label] for label in LABEL_NAMES]
        values = [self.documents, self.characters, sum(spans), *spans, *(self.links[role] for role in ROLE_NAMES)]
        return [name, *(f"{value:,}" for value in values)]


HEAD = ("", "documents", "characters", "spans", *LABEL_NAMES, *ROLE_NAMES)


def describe(documents: Sequence[Document]) -> Statistics:
    """Count what documents hold."""
    spans: Counter[str] = Counter()
    links: Counter[str] = Counter()
    texts: dict[str, set[str]] = {label: set() for label in LABEL_NAMES}
    for document in documents:
        links.update(link.role for link in document.links)
        for span in document.spans:
            spans[span.label] += 1
            texts[span.label].add(document.span_text(span))
    lengths = [len(document.text) for document in documents] or [0]
    return Statistics(
        len(documents),
        sum(lengths),
        {label: spans[label] for label in LABEL_NAMES},
        {label: len(texts[label]) for label in LABEL_NAMES},
        {role: links[role] for role in ROLE_NAMES},
        tuple(int(value) for value in np.quantile(lengths, [0, 0.25, 0.5, 0.75, 1])),
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table, the first row its head."""
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
