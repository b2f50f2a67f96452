"""The corpus that ships: sound, split by document, and kept to the guidelines where a program can tell."""

from pathlib import Path

import pytest

from bangfu.labels import LABEL_NAMES, Document, read

FOLDER = Path(__file__).parents[1] / "labels" / "corpus"
SPLITS = ("train", "dev", "test")
OUTSIDE = set(" \t\n\r\u3000“”‘’\"'，。、；：！？,.;:!?")


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Document]]:
    return {name: read(FOLDER / f"{name}.jsonl") for name in SPLITS}


def test_no_document_is_in_two_splits(splits: dict[str, list[Document]]) -> None:
    documents = [document for name in SPLITS for document in splits[name]]
    assert len({document.id for document in documents}) == len(documents) >= 200
    assert len({document.text for document in documents}) == len(documents)
    for name in SPLITS:
        assert {span.label for document in splits[name] for span in document.spans} == set(LABEL_NAMES)


def test_spans_neither_begin_nor_end_with_space_quotes_or_stops(splits: dict[str, list[Document]]) -> None:
    wrong = [
        (document.id, document.span_text(span))
        for documents in splits.values()
        for document in documents
        for span in document.spans
        if {document.text[span.start], document.text[span.end - 1]} & OUTSIDE or "\n" in document.span_text(span)
    ]
    assert wrong == []


def test_no_sentence_stands_in_two_splits(splits: dict[str, list[Document]]) -> None:
    def runs(name: str) -> set[str]:
        return {
            document.text[start : start + 20]
            for document in splits[name]
            for start in range(len(document.text) - 19)
            # a long name may well come twice
            if not any(span.start < start + 20 and start < span.end for span in document.spans)
        }

    assert not runs("train") & (runs("dev") | runs("test"))


def test_nothing_comes_from_the_labelled_real_articles(splits: dict[str, list[Document]], gold: list[Document]) -> None:
    real = {document.text[start : start + 16] for document in gold for start in range(len(document.text) - 15)}
    for documents in splits.values():
        for document in documents:
            assert not real & {document.text[start : start + 16] for start in range(len(document.text) - 15)}
