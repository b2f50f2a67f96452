"""Agreement: two readings of the same documents, compared span by span."""

from __future__ import annotations

from collections.abc import Sequence

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
