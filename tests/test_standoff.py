"""Marks kept apart from their texts come back exactly, or the user is told what does not fit."""

import json
from pathlib import Path

import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as some

from bangfu.labels import Document, Link, Span, jsonl, read, repetition, standoff, text_lines
from bangfu.labels.user_error import UserError
from bangfu.scripts.main import main

MARKS = Path(__file__).parents[1] / "labels" / "television" / "marks.jsonl"
NEWS = MARKS.parents[1] / "news"

LINES = ["第一行", "前言：甲县民政局向乙村捐款10万元。后记", "第三行"]
DOCUMENT = Document(
    "a",
    "甲县民政局向乙村捐款10万元",
    (Span(0, 5, "ORG"), Span(6, 8, "LOC"), Span(10, 14, "AMOUNT")),
    (Link(2, 0, "giver"),),
)


def test_marks_find_their_text_again(tmp_path: Path) -> None:
    source, labelled, marks, back = (tmp_path / name for name in ("s.txt", "l.jsonl", "m.jsonl", "b.jsonl"))
    source.write_text("\n".join(LINES), encoding="utf-8")
    second = tmp_path / "second.jsonl"
    other = Document("b", "丙村\n丁村", (Span(0, 2, "LOC"), Span(3, 5, "LOC")))
    jsonl.write([Document("x", "丙村\n丁村。")], second)  # a text of several lines counts as one
    jsonl.write([other, DOCUMENT], labelled)
    sources = [str(source), str(second)]
    assert main(["corpus", "detach", str(labelled), *sources, "--output", str(marks)]) == 0
    written = marks.read_text(encoding="utf-8")
    assert json.loads(written.splitlines()[1])["start"] == 3 and not any(
        "\u4e00" <= character <= "\u9fff" for character in written
    )
    assert main(["corpus", "attach", str(marks), *sources, "--output", str(back)]) == 0
    assert read(back) == [other, DOCUMENT]


@given(some.lists(some.text("ab甲乙", min_size=1, max_size=9), min_size=1, max_size=5), some.data())
def test_any_part_of_any_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], data: some.DataObject
) -> None:
    documents = []
    for number in range(data.draw(some.integers(1, 4))):
        line = data.draw(some.sampled_from(lines))
        start = data.draw(some.integers(0, len(line) - 1))
        end = data.draw(some.integers(start + 1, len(line)))
        documents.append(Document(str(number), line[start:end], (Span(0, end - start, "LOC"),)))
    file = tmp_path_factory.mktemp("marks") / "m.jsonl"
    jsonl.write_objects(standoff.detach(documents, lines), file)
    assert standoff.attach(file, lines) == documents


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="document 'a': its text is in no line"):
        standoff.detach([DOCUMENT], LINES[:1])
    (mark,) = standoff.detach([DOCUMENT], LINES)
    file = tmp_path / "m.jsonl"
    for changed, lines, message in (
        (mark, LINES[:1], "its line is not in the source"),
        (mark | {"end": mark["start"] + 5}, LINES, "document 'a': span 1 .* ends behind the text of 5 characters"),
        (mark | {"end": 99}, LINES, "ends at 99, behind the line of 20 characters"),
        (mark | {"start": -3}, LINES, r"no marks \(\[-3, 17\) is no part of a line"),
        (mark | {"start": None}, LINES, "no marks .*no whole numbers"),
        (mark | {"start": 3.0}, LINES, "no marks .*no whole numbers"),
        (mark | {"end": True}, LINES, "no marks .*no whole numbers"),
        (mark | {"sha256": ["x"]}, LINES, "no marks .*no string under 'sha256'"),
        (mark | {"id": None}, LINES, "no 'id'"),
        (mark | {"spans": [{"start": 0, "end": 5.0, "label": "ORG"}]}, LINES, "span 0 has no whole numbers"),
        ({"id": "a"}, LINES, "no marks"),
    ):
        jsonl.write_objects([changed], file)
        with pytest.raises(UserError, match=rf"m\.jsonl:1: .*{message}"):
            standoff.attach(file, lines)
    jsonl.write_objects([mark, mark], file)
    with pytest.raises(UserError, match=r"m\.jsonl:2: document 'a': the id stands in line 1 too"):
        standoff.attach(file, LINES)
    file.write_text("[" * 100_000, encoding="utf-8")
    for read_so in (lambda: standoff.attach(file, LINES), lambda: list(text_lines.texts(file))):
        with pytest.raises(UserError, match=r"m\.jsonl:1: "):
            read_so()


def test_blank_lines_and_carriage_returns(tmp_path: Path) -> None:
    file, source = tmp_path / "m.jsonl", tmp_path / "s.txt"
    document = Document("a", "甲县\r乙村", (Span(0, 2, "LOC"),))
    for end in ("\n", "\r\n"):
        source.write_text(f"前言{end}到甲县\r乙村去{end}", encoding="utf-8", newline="")
        assert list(text_lines.lines(source)) == ["前言", "到甲县\r乙村去"]
        jsonl.write_objects(standoff.detach([document], text_lines.texts(source)), file)
        file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        assert standoff.attach(file, text_lines.texts(source)) == [document]
    texts = tmp_path / "t.jsonl"
    texts.write_text('{"text": "甲"}\n\n', encoding="utf-8")
    assert list(text_lines.texts(texts)) == ["甲"]


def test_no_input_is_replaced_and_the_folder_is_looked_for_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, labelled, marks = (tmp_path / name for name in ("s.txt", "l.jsonl", "m.jsonl"))
    source.write_text("\n".join(LINES), encoding="utf-8")
    jsonl.write([DOCUMENT], labelled)
    jsonl.write_objects(standoff.detach([DOCUMENT], LINES), marks)
    link = tmp_path / "link.jsonl"
    link.symlink_to(labelled)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    lost = tmp_path / "no" / "out.jsonl"
    for action, first in (("detach", link), ("attach", marks)):
        for output, words in (
            (labelled if first == link else marks, "would be replaced"),
            (tmp_path / "." / "s.txt", "would be replaced"),
            (lost, f"{lost}: there is no folder"),
        ):
            assert main(["corpus", action, str(first), str(source), "--output", str(output)]) == 2
            message = capsys.readouterr().err
            assert words in message and message.count("\n") == 1  # no progress bar: nothing was read
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    with pytest.raises(UserError, match=r"/no/out\.jsonl: there is no folder"):
        jsonl.write([DOCUMENT], lost)


def test_the_television_marks_fit_their_source() -> None:
    source = SHARED / "data" / "text" / "cctv.txt.xz"
    if not source.exists():
        pytest.skip(f"needs the transcripts in {source}")
    documents = standoff.attach(MARKS, text_lines.texts(source))
    assert len(documents) == 150 and sum(len(document.text) for document in documents) == 32_103


def test_the_news_marks_fit_their_sources_and_share_nothing_with_what_is_measured_on() -> None:
    data = SHARED / "data"
    sets = ("pd1998", "msra.train", "boson", "cluener.train")
    names = [*(f"{name}.jsonl.gz" for name in sets), "text/cctv.txt.xz", "text/laws.txt.xz"]
    if missing := [name for name in names if not (data / name).exists()]:
        pytest.skip(f"needs {missing} in {data}")
    lines = [line for name in names for line in text_lines.texts(data / name)]
    files = ("train.jsonl.gz", "dev.jsonl", "test.jsonl", "unseen.jsonl.gz")
    train, dev, test, unseen = (standoff.attach(NEWS / name, lines) for name in files)
    assert (len(train), len(dev), len(test), len(unseen)) == (13_933, 160, 143, 820)
    assert sum(len(document.text) for document in [*train, *dev, *test]) == 2_217_924
    taught = [Document(document.id, _dense(document.text)) for document in train]
    measured = [document.text for document in [*dev, *test, *unseen, *standoff.attach(MARKS, lines)]]
    for file in [data / "msra.test.jsonl.gz", data / "cluener.dev.jsonl.gz", *(SHARED / "gold").glob("*.jsonl")]:
        measured += text_lines.texts(file)
    assert len(measured) > 5_000
    assert not repetition.shared(taught, (("measured", _dense(text)) for text in measured), 13)


def _dense(text: str) -> str:
    return "".join(text.split())
