"""Agreement: two readings of the same documents, compared span by span."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError
from bangfu.training.evaluation import Comparison, compare


def compare_readings(first: Sequence[Document], second: Sequence[Document]) -> list[Comparison]:
    """Compare the documents that both readings hold, by id; what the second found is told against the first.

    Strict F1 is the same whichever reading counts as gold. UserError where no document is common or where
    the texts of one differ.
    """
    others = {document.id: document for document in second}
    comparisons = []
    for document in first:
        other = others.get(document.id)
        if other is None:
            continue
        if other.text != document.text:
            raise UserError(f"document {document.id!r}: the two readings have different texts; compare readings of one")
        comparisons.append(compare(document, other.spans))
    if not comparisons:
        raise UserError("the two readings have no document in common; their documents must have the same ids")
    return comparisons


def pairs(readings: Mapping[str, Sequence[Document]]) -> Iterator[tuple[str, str, list[Comparison]]]:
    """Compare the readings of any two people that have a document in common: (first, second, comparisons)."""
    for (first, ones), (second, others) in combinations(sorted(readings.items()), 2):
        if {document.id for document in ones} & {document.id for document in others}:
            yield first, second, compare_readings(ones, others)
