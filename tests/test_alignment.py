"""Alignment: spans become tags of tokens, and what is lost on the way is counted by cause."""

import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from models import tiny_encoder

from bangfu.inference.encoder import Encoder
from bangfu.labels import TAGS, Document, Span
from bangfu.training.alignment import ANY_TAG, align, unmarked_tags
from bangfu.training.config import DatasetConfig
from bangfu.training.dataset import join_neighbours, pack


def tags_of(bits: int) -> set[str]:
    return {tag for number, tag in enumerate(TAGS) if bits >> number & 1}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    # like vocabularies of the hub, this one has a number of several digits as one token
    return Encoder.from_file(tiny_encoder(tmp_path_factory.mktemp("encoder"), ("2000",)) / "tokenizer.json")


def test_spans_become_tags(encoder: Encoder) -> None:
    document = Document("a", "海南省 捐１２万元", (Span(0, 3, "LOC"), Span(5, 9, "AMOUNT")))
    (example,), report = align([document], encoder, 50, 40)
    assert [tags_of(bits) for bits in example.tags[1:-1]] == [
        {"B-LOC"},
        {"I-LOC"},
        {"I-LOC"},
        {"O"},
        {"B-AMOUNT"},
        *[{"I-AMOUNT"}] * 3,
    ]
    assert (example.ids[0], example.ids[-1]) == (encoder.cls_id, encoder.sep_id)
    assert example.tags[0] == example.tags[-1] == ANY_TAG
    assert (report.spans, report.windows, report.dropped.total()) == (2, 1, 0)


def test_what_cannot_be_told_is_counted_and_teaches_nothing(encoder: Encoder) -> None:
    document = Document(
        "a", "在2000元\u200b 二", (Span(1, 2, "AMOUNT"), Span(6, 7, "ORG"), Span(7, 8, "LOC"), Span(8, 9, "AMOUNT"))
    )
    (example,), report = align([document], encoder, 50, 40)
    assert [tags_of(bits) for bits in example.tags[1:-1]] == [{"O"}, set(TAGS), {"O"}, {"B-AMOUNT"}]
    assert report.dropped == {"boundary inside a token": 1, "cleaned away": 1, "no tokens": 1}
    assert "1 boundary inside a token" in str(report) and "'2'" in str(report)


def test_unmarked_text_of_a_partly_labelled_set_may_be_what_is_not_annotated(encoder: Encoder) -> None:
    (example,), _ = align([Document("a", "海南捐", (Span(0, 2, "LOC"),))], encoder, 50, 40, ["ORG", "LOC"])
    assert [tags_of(bits) for bits in example.tags[1:-1]] == [
        {"B-LOC"},
        {"I-LOC"},
        {"O", "B-AMOUNT", "I-AMOUNT", "B-AID", "I-AID"},
    ]
    assert tags_of(unmarked_tags(["ORG", "LOC", "AMOUNT", "AID"])) == {"O"}


def test_nothing_is_truncated(encoder: Encoder) -> None:
    text = "海南省捐" * 100
    spans = tuple(Span(start, start + 3, "LOC") for start in range(0, 400, 4))
    examples, report = align([Document("a", text, spans)], encoder, 50, 40)
    begins = sum(int((example.tags == 1 << TAGS.index("B-LOC")).sum()) for example in examples)
    assert len(examples) == report.windows == 10 and begins >= 100


def test_neighbours_are_joined_and_short_texts_packed() -> None:
    document = Document("a", "四川江安县慈善会", (Span(0, 2, "LOC"), Span(2, 5, "LOC"), Span(5, 8, "ORG")))
    joined = join_neighbours(document, ["LOC"])
    assert joined.spans == (Span(0, 5, "LOC"), Span(5, 8, "ORG"))
    packed = list(pack([joined, Document("b", "海南", (Span(0, 2, "LOC"),)), document], 10))
    assert [one.text for one in packed] == ["四川江安县慈善会\n海南", "四川江安县慈善会"]
    assert packed[0].spans[-1] == Span(9, 11, "LOC")


def test_a_data_set_must_annotate_what_it_maps_to() -> None:
    with pytest.raises(ValueError, match="ORG: labels map to it"):
        DatasetConfig("a.jsonl", {"ORG": "ORG", "LOC": "LOC"}, ("LOC",))
