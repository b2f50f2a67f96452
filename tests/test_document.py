"""Spans, links and documents refuse what cannot be."""

import pytest

from bangfu.labels import Document, Link, Span


@pytest.mark.parametrize(
    ("start", "end", "label", "words"),
    [(3, 3, "ORG", "out of range"), (-1, 2, "ORG", "out of range"), (0, 2, "PER", "unknown label 'PER'")],
)
def test_a_span_is_checked(start: int, end: int, label: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Span(start, end, label)


@pytest.mark.parametrize(
    ("spans", "links", "words"),
    [
        ((Span(0, 9, "ORG"),), (), "ends behind the text of 8"),
        ((Span(0, 5, "ORG"), Span(4, 6, "LOC")), (), r"\[0, 5\) ORG '海南慈善会' and \[4, 6\) LOC '会捐' overlap"),
        ((Span(0, 5, "ORG"),), (Link(0, 1, "giver"),), "points outside the 1 spans"),
        ((Span(0, 5, "ORG"), Span(6, 8, "AMOUNT")), (Link(0, 1, "giver"),), "giver leads from ORG to AMOUNT"),
    ],
)
def test_a_document_is_checked(spans: tuple[Span, ...], links: tuple[Link, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Document("a", "海南慈善会捐五元", spans, links)


def test_offsets_are_code_points() -> None:
    document = Document("a", "👨‍👩‍👧𠮷林省捐", (Span(5, 8, "LOC"),))
    assert document.span_text(document.spans[0]) == "𠮷林省"


def test_spans_may_touch() -> None:
    Document("a", "县委县政府", (Span(2, 5, "ORG"), Span(0, 2, "ORG")))
