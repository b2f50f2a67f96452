"""Evaluation, against seqeval and against errors told by hand."""

import dataclasses
import random
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import documents

from bangfu.labels import LABEL_NAMES, Document, Span
from bangfu.labels.tags import spans_to_tags
from bangfu.scripts.main import main
from bangfu.training.evaluation import (
    MICRO,
    NONE,
    Comparison,
    Error,
    certainty,
    compare,
    confusion,
    error_counts,
    intervals,
    of_labels,
    total,
)

TEXT = "东海县慈善总会向西山县捐二百万元助学"


def test_errors_by_kind() -> None:
    org, loc, amount, aid = Span(0, 7, "ORG"), Span(8, 11, "LOC"), Span(12, 16, "AMOUNT"), Span(16, 18, "AID")
    found = [Span(3, 7, "ORG"), Span(8, 11, "ORG"), Span(11, 13, "AID"), Span(7, 8, "LOC")]
    errors = compare(Document("a", TEXT, (amount, org, loc, aid)), found).errors
    assert errors == (
        Error("boundary", org, found[0]),
        Error("spurious", None, found[3]),
        Error("type", loc, found[1]),
        Error("boundary_and_type", amount, found[2]),
        Error("missed", aid, None),
    )


def test_each_span_is_paired_once_the_best_first() -> None:
    gold = (Span(0, 3, "LOC"), Span(3, 7, "ORG"))
    errors = compare(Document("a", TEXT, gold), [Span(0, 7, "ORG")]).errors
    assert errors == (Error("missed", gold[0], None), Error("boundary", gold[1], Span(0, 7, "ORG")))


def test_what_a_document_does_not_mark_is_not_spurious() -> None:
    """Of a file that marks places alone, a model that finds bodies, too."""
    found = (Span(0, 7, "ORG"), Span(8, 11, "LOC"))
    place = Document("a", TEXT, (found[1],))
    comparison = Comparison(place, found, compare(place, found).errors, (0.9, 0.8))
    (only,) = of_labels([comparison], ["LOC"])
    assert (only.found, only.errors, only.certain) == ((found[1],), (), (0.8,))


def test_a_document_of_thousands_of_spans_is_compared_at_once() -> None:
    count = 5000
    gold = tuple(Span(10 * place, 10 * place + 3, "LOC") for place in range(count))
    began = time.process_time()
    comparison = compare(
        Document("a", "东海县慈善总会捐款。" * count, gold), [Span(one.start, one.end - 1, "LOC") for one in gold]
    )
    scores, right = certainty([dataclasses.replace(comparison, certain=(0.5,) * count)])
    assert time.process_time() - began < 10  # in quadratic time it took a minute
    assert [error.kind for error in comparison.errors] == ["boundary"] * count
    assert len(scores) == count and not right.any()


@given(documents(), st.data())
def test_counts_add_up(document: Document, data: st.DataObject) -> None:
    text = document.text
    found = data.draw(documents().filter(lambda other: all(span.end <= len(text) for span in other.spans))).spans
    comparison = compare(document, found)
    score = comparison.scores()[MICRO]
    kinds = [error.kind for error in comparison.errors]
    paired = len(kinds) - kinds.count("missed") - kinds.count("spurious")
    assert score.gold == score.correct + paired + kinds.count("missed")
    assert score.found == score.correct + paired + kinds.count("spurious")
    assert sum(sum(labels.values()) for labels in error_counts([comparison]).values()) == len(kinds)
    counts = confusion([comparison])
    for label in LABEL_NAMES:
        assert sum(counts[label].values()) == comparison.scores()[label].gold
        assert sum(row[label] for row in counts.values()) == comparison.scores()[label].found
    assert sum(counts[NONE].values()) == kinds.count("spurious")


def random_spans(draw: random.Random, length: int) -> tuple[Span, ...]:
    edges = sorted(draw.sample(range(length + 1), 2 * draw.randint(0, 6)))
    return tuple(Span(start, end, draw.choice(LABEL_NAMES)) for start, end in zip(edges[::2], edges[1::2], strict=True))


def random_comparisons(count: int) -> list[Comparison]:
    draw, result = random.Random(5), []
    for number in range(count):
        gold = random_spans(draw, 40)
        kept = tuple(span for span in gold if draw.random() < 0.7)
        others = [span for span in random_spans(draw, 40) if not any(span.overlaps(one) for one in kept)]
        result.append(compare(Document(str(number), "字" * 40, gold), (*kept, *others)))
    return result


def test_seqeval_agrees() -> None:
    pytest.importorskip("seqeval", reason="needs the extra 'train'")
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    comparisons = random_comparisons(400)
    gold = [spans_to_tags(40, one.document.spans) for one in comparisons]
    found = [spans_to_tags(40, one.found) for one in comparisons]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = classification_report(gold, found, mode="strict", scheme=IOB2, output_dict=True)
    for label, score in total(comparisons).items():
        theirs = report["micro avg" if label == MICRO else label]
        ours = (score.precision, score.recall, score.f1, score.gold)
        assert ours == pytest.approx((theirs["precision"], theirs["recall"], theirs["f1-score"], theirs["support"]))
        assert 0.2 < score.f1 < 0.95


def test_intervals_are_those_of_a_bootstrap_over_documents() -> None:
    comparisons = random_comparisons(30)
    ours = intervals(comparisons, rounds=4000)
    # the same by the plainest of means, with other random numbers
    draw, f1 = random.Random(6), []
    for _ in range(4000):
        f1.append(total(draw.choices(comparisons, k=30))[MICRO].f1)
    assert ours[MICRO] == pytest.approx(tuple(np.quantile(f1, [0.025, 0.975])), abs=0.01)
    assert ours[MICRO][0] < total(comparisons)[MICRO].f1 < ours[MICRO][1]


def test_no_documents() -> None:
    assert total([])[MICRO].f1 == 0 and intervals([])[MICRO] == (0, 0)


def test_a_file_without_documents_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.touch()
    assert main(["evaluate", str(gold), "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == f"bangfu: {gold}: holds no documents; give labelled ones\n"
    assert not (tmp_path / "out").exists()
