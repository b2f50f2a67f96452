"""The corpus that ships: sound, split by document, and kept to the guidelines where a program can tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SHARED

from bangfu.labels import LABEL_NAMES, Document, Span, jsonl, read, repetition, statistics, text_lines
from bangfu.scripts.main import main

FOLDER = Path(__file__).parents[1] / "labels" / "corpus"
SPLITS = ("train", "dev", "test", "hard")
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
        if {document.text[span.start], document.text[span.end - 1]} & OUTSIDE or "\n\n" in document.span_text(span)
    ]
    assert wrong == []


def test_no_sentence_stands_in_two_splits(splits: dict[str, list[Document]]) -> None:
    def runs(name: str) -> set[str]:
        return {
            document.text[start : start + 20]
            for document in splits[name]
            for start in range(len(document.text) - 19)
            # columns of a list are set apart by spaces, and a long name may well come twice
            if len("".join(document.text[start : start + 20].split())) > 2
            and not any(span.start < start + 20 and start < span.end for span in document.spans)
        }

    every = [runs(name) for name in SPLITS]
    for number, one in enumerate(every):
        assert not any(one & other for other in every[:number])


def test_it_is_as_large_as_its_card_says(splits: dict[str, list[Document]]) -> None:
    documents = [document for name in SPLITS for document in splits[name]]
    whole = statistics.describe(documents)
    assert whole.documents >= 1200 and whole.characters >= 400_000 and sum(whole.spans.values()) >= 25_000
    assert whole.spans["AMOUNT"] >= 5000 and whole.spans["AID"] >= 3000
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = [statistics.describe(splits[name]).row(name) for name in SPLITS]
    assert statistics.table([statistics.HEAD, *rows, whole.row("all")]) in card


def test_no_two_documents_come_from_one_mould(splits: dict[str, list[Document]]) -> None:
    assert repetition.share_repeated([document for name in SPLITS for document in splits[name]]) < 0.01


def test_nothing_comes_from_public_text_or_the_labelled_real_articles(splits: dict[str, list[Document]]) -> None:
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, which is not part of the project")
    files = [*sorted((SHARED / "data").rglob("*.gz")), *sorted((SHARED / "data").rglob("*.xz"))]
    files = [file for file in files if "silver" not in file.name]  # the others' text, cut into words
    files += sorted((SHARED / "gold").glob("*.jsonl"))
    assert len(files) > 5
    others = ((file.name, text) for file in files for text in text_lines.texts(file))
    documents = [document for name in SPLITS for document in splits[name]]
    assert repetition.shared(documents, others, size=15) == []


def _document(name: str, text: str, *marks: tuple[str, str]) -> Document:
    spans = tuple(Span(text.index(part), text.index(part) + len(part), label) for label, part in marks)
    return Document(name, text, spans)


def test_moulds_are_told_with_names_aside() -> None:
    one = _document(
        "a", "甲县慈善会向乙村小学捐出了五万元用于修缮漏雨校舍的屋顶", ("ORG", "甲县慈善会"), ("AMOUNT", "五万元")
    )
    two = _document(
        "b", "丙市红十字会向乙村小学捐出了3元用于修缮漏雨校舍的屋顶", ("ORG", "丙市红十字会"), ("AMOUNT", "3元")
    )
    other = _document("c", "这一篇讲的是别的事情，与前两篇没有任何相同之处")
    total, runs = repetition.repeated([one, two, other], size=15)
    mould = len(one.text) - len("甲县慈善会") - len("五万元") + 2
    assert len(runs) == mould - 14 and total == 2 * len(runs) + len(other.text) - 14
    assert {run.documents for run in runs} == {("a", "b")}
    assert repetition.share_repeated([one, two, other], size=15) == pytest.approx(2 * len(runs) / total)
    found = repetition.shared([one], [("x", "某人用于修缮漏雨校舍的屋顶，甲县慈善会向")], size=10)
    assert [run.text for run in found] == ["用于修缮漏雨校舍的屋", "于修缮漏雨校舍的屋顶"]


def test_stats_and_agreement_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "甲县慈善会向乙村捐五万元"
    first = _document("a", text, ("ORG", "甲县慈善会"), ("LOC", "乙村"), ("AMOUNT", "五万元"))
    second = _document("a", text, ("ORG", "慈善会"), ("LOC", "乙村"), ("AMOUNT", "五万元"))
    for name, document in (("one", first), ("two", second)):
        jsonl.write([document], tmp_path / f"{name}.jsonl")
    (tmp_path / "other.txt").write_text("无关的一行", encoding="utf-8")
    files = [str(tmp_path / f"{name}.jsonl") for name in ("one", "two")]
    assert main(["corpus", "stats", files[0], "--against", str(tmp_path / "other.txt")]) == 0
    assert "| one | 1 | 12 | 3 | 1 | 1 | 1 | 0 |" in capsys.readouterr().out
    assert main(["corpus", "agreement", *files, "--output", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "1 boundary" in out and "66.7" in out and (tmp_path / "out" / "differences.html").exists()
    # a terminal that cannot show a name of a file, or even a dash, is shown escapes
    jsonl.write([_document("\ud800", text + "捐" * 20), _document("b", text + "捐" * 20)], tmp_path / "odd.jsonl")
    command = [sys.executable, "-m", "bangfu.scripts.main", "corpus", "stats", str(tmp_path / "odd.jsonl")]
    shown = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True)
    assert rb"in \ud800, b" in shown.stdout and rb"\u2013" in shown.stdout
    jsonl.write([_document("b", text)], tmp_path / "three.jsonl")
    assert main(["corpus", "agreement", files[0], str(tmp_path / "three.jsonl")]) == 2
    assert "no document in common" in capsys.readouterr().err


def test_stats_against_json_lines_with_a_byte_order_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "用于修缮漏雨校舍的屋顶和围墙各"
    jsonl.write([_document("a", text)], tmp_path / "a.jsonl")
    (tmp_path / "other.jsonl").write_text(f'{{"text": "{text}"}}\n', encoding="utf-8-sig")
    assert main(["corpus", "stats", str(tmp_path / "a.jsonl"), "--against", str(tmp_path / "other.jsonl")]) == 1
    printed = capsys.readouterr()
    assert f"  a: {text!r} in other.jsonl\n" in printed.out and not printed.err  # no bar where there is no terminal
