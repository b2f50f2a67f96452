"""Files: labelled ones read back as they were written, with every defect named; what articles are read from."""

import codecs
import gzip
import io
import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import documents

from bangfu.inference import InputError
from bangfu.inference import read as articles
from bangfu.inference.text_stream import TextStream
from bangfu.labels import Defect, Document, LabelledDataError, Link, Span, conll, jsonl, labelled_file, read
from bangfu.labels.tags import SCHEMES, Scheme, TagError, guess_scheme, spans_to_tags, tags_to_spans
from bangfu.labels.user_error import UserError
from bangfu.scripts.main import main

anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@anywhere
@given(documents(), st.sampled_from(["a.jsonl", "a.jsonl.gz"]))
def test_jsonl_reads_back(tmp_path: Path, document: Document, name: str) -> None:
    jsonl.write([document], tmp_path / name)
    assert read(tmp_path / name) == [document]


@anywhere
@given(documents(), st.sampled_from(SCHEMES))
def test_conll_reads_back(tmp_path: Path, document: Document, scheme: Scheme) -> None:
    path = tmp_path / "a.conll"
    conll.write([document], path, scheme)
    assert list(conll.scan(path, scheme)) == [Document("a", document.text, document.spans)]


@given(documents(), st.sampled_from(SCHEMES))
def test_tags_stand_for_spans(document: Document, scheme: Scheme) -> None:
    tags = spans_to_tags(len(document.text), document.spans, scheme)
    assert tags_to_spans(tags, scheme) == sorted(document.spans)
    # what letters a file uses is enough to read it
    assert tags_to_spans(tags, guess_scheme(tags)) == sorted(document.spans)


@pytest.mark.parametrize(
    ("tags", "scheme", "index", "words"),
    [
        ("O I-ORG", "BIO", 1, "I-ORG without B-ORG"),
        ("B-ORG I-LOC", "BIO", 1, "I-LOC inside a ORG span"),
        ("B-ORG X", "BIO", 1, "'X' is not a tag of BIO"),
        ("B-PER", "BIO", 0, "unknown label 'PER'"),
        ("B-ORG O", "BIOES", 1, "not closed by E-ORG"),
        ("B-ORG I-ORG", "BIOES", 2, "not closed by E-ORG"),
        ("M-ORG", "BMES", 0, "M-ORG without B-ORG"),
    ],
)
def test_tags_that_cannot_stand(tags: str, scheme: Scheme, index: int, words: str) -> None:
    with pytest.raises(TagError, match=words) as caught:
        tags_to_spans(tags.split(), scheme)
    assert caught.value.index == index


def test_links_are_kept_and_follow_dropped_spans(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    spans = [(0, 1, "PER"), (2, 3, "ORG"), (4, 5, "AMOUNT")]
    value = {
        "id": 7,
        "text": "王在县捐元钱",
        "spans": [{"start": start, "end": end, "label": label} for start, end, label in spans],
        "links": [{"head": 2, "tail": 1, "role": "giver"}],
    }
    path.write_text(json.dumps(value), encoding="utf-8")
    (document,) = read(path, {"PER": None, "ORG": "ORG", "AMOUNT": "AMOUNT"})
    assert document == Document("7", "王在县捐元钱", (Span(2, 3, "ORG"), Span(4, 5, "AMOUNT")), (Link(1, 0, "giver"),))


GOOD = '{"id": "a", "text": "海南慈善会", "spans": []}'
DEFECTS = {
    '{"id": "b", "text": "海南"': ("not valid JSON", None),
    "[" * 100_000: ("not valid JSON", None),
    '"x"': ("no string under 'text'", None),
    '{"text": "海南"}': ("no 'id'", None),
    GOOD: ("the id stands in line 1 too", "a"),
    '{"id": "b", "text": "海南", "spans": [{"start": 0, "end": 3, "label": "LOC"}]}': ("ends behind the text", "b"),
    '{"id": "b", "text": "海南", "spans": [{"start": 0, "end": 2, "label": "PER"}]}': ("unknown label 'PER'", "b"),
    '{"id": "b", "text": "海南", "spans": [{"start": "0", "end": 2, "label": "LOC"}]}': ("no whole numbers", "b"),
    '{"id": "b", "text": "海南", "spans": [{"start": 0, "end": 2, "label": "LOC"}, '
    '{"start": 1, "end": 2, "label": "ORG"}]}': ("overlap", "b"),
    '{"id": "b", "text": "海南", "entities": []}': ("no list under 'spans'", "b"),
    '{"id": "b", "text": "海南", "spans": [], "links": {}}': ("no list under 'links'", "b"),
    '{"id": "b", "text": "海南", "spans": [], "n": ' + "9" * 5000 + "}": ("not valid JSON", None),
    '{"id": "b", "text": "海南", "spans": [], "links": [{"head": 0, "tail": 0, "role": "friend"}]}': (
        "unknown role",
        "b",
    ),
}


@pytest.mark.parametrize(("line", "words"), DEFECTS.items())
def test_a_defect_names_file_line_document_and_mend(tmp_path: Path, line: str, words: tuple[str, str | None]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(LabelledDataError) as caught:
        read(path)
    (defect,) = caught.value.defects
    assert (defect.file, defect.line, defect.document) == (str(path), 3, words[1])
    assert words[0] in defect.what and defect.mend and "\n" not in str(defect)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("海 B-LOC\n南 I-LOC\n\n会 I-ORG\n", 4, "I-ORG without B-ORG"),
        ("海 B-LOC\n南岛 I-LOC\n", 2, "'南岛 I-LOC' is not a character and a tag"),
        ("海 B-LOC\n南\n", 2, "is not a character and a tag"),
        ("海 B-GPE\n", 1, "unknown label 'GPE'"),
        ("海 S-LOC\n南 B-LOC\n省 O\n", 3, "not closed by E-LOC"),
    ],
)
def test_a_defect_in_conll(tmp_path: Path, content: str, line: int, words: str) -> None:
    path = tmp_path / "a.conll"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LabelledDataError) as caught:
        read(path)
    assert (caught.value.defects[0].line, caught.value.defects[0].file) == (line, str(path))
    assert words in str(caught.value)


def test_conll_of_other_tools_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.bmes"
    path.write_bytes("海 B-LOC\r\n南 E-LOC\r\n捐 O\r\n\r\n省 S-LOC\r\n".encode())
    assert read(path) == [Document("a-1", "海南捐", (Span(0, 2, "LOC"),)), Document("a-2", "省", (Span(0, 1, "LOC"),))]


def test_a_document_with_several_defects_shows_them_all(tmp_path: Path) -> None:
    path, other = tmp_path / "a.jsonl", tmp_path / "b.conll"
    spans = [(0, 6, "ORG"), (1, 2, "LOC"), (3, 4, "LOC"), (5, 99, "LOC"), (0, 1, "PER")]
    value = {
        "id": 1,
        "text": "海南省慈善总会",
        "spans": [{"start": start, "end": end, "label": label} for start, end, label in spans],
    }
    path.write_text(json.dumps(value), encoding="utf-8")
    found = [str(defect) for defect in labelled_file.scan(path)]
    assert sum("overlap" in line for line in found) == 3 and sum("'PER'" in line for line in found) == 1
    assert sum("ends behind" in line for line in found) == 1
    other.write_text("# id = x\n海 B-GPE\n南 B-PER\n# id = y\n省 O\n# id = z\n", encoding="utf-8")
    *defects, full, empty = labelled_file.scan(other)
    assert [defect.line for defect in defects if isinstance(defect, Defect)] == [2, 3]
    assert (full, empty) == (Document("y", "省"), Document("z", ""))


def test_lone_surrogates(tmp_path: Path) -> None:
    document = Document("a", "\ud800海")
    jsonl.write([document], tmp_path / "a.jsonl")
    assert read(tmp_path / "a.jsonl") == [document]
    with pytest.raises(UserError, match="lone surrogate"):
        conll.write([document], tmp_path / "a.conll")


def test_check_lists_every_defect_and_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = tmp_path / "bad.jsonl", tmp_path / "good.jsonl"
    bad.write_text("\n".join([GOOD, "{", '{"id": 1}', '{"id": 2, "text": 3}']), encoding="utf-8")
    good.write_text(GOOD, encoding="utf-8")
    assert main(["corpus", "check", str(good)]) == 0
    assert "1 documents, 5 characters" in capsys.readouterr().out
    assert main(["corpus", "check", str(bad), str(good), str(tmp_path / "none.jsonl"), str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[2][:2] for line in lines[:3]] == ["2:", "3:", "4:"]
    assert "none.jsonl:0: cannot be read" in lines[3] and len(lines) == 6


def test_a_broken_gzip_file_is_a_defect(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(f"{GOOD}\n".encode() * 999)[:-20])
    assert "broken gzip file" in str(list(labelled_file.scan(path))[-1])


def test_utf8_lines_amid_those_of_an_old_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    old = ["会泽县红十字会收到冬衣1200件，并开展义诊。", "類別"]  # the second is UTF-8, too, but no Chinese then
    new = ["中国红十字会", "云南省会泽县", "会理市慈善会向会理市捐赠十万元。", "5·12"]
    rows = [(text, "gb18030") for text in old * 3] + [(text, "utf-8") for text in new] + [(old[0], "gb18030")]
    lines = [json.dumps({"text": text}, ensure_ascii=False).encode(encoding) for text, encoding in rows]
    assert lines[1].decode("utf-8") and lines[6].decode("gb18030")
    path.write_bytes(b"\n".join(lines))
    rows[9] = ("5·12".encode().decode("gb18030"), "gb18030")  # of two bytes a character: nothing tells
    assert [(article.text, article.source.encoding) for article in articles(path)] == rows


def test_a_long_line_of_a_wide_encoding_takes_no_longer_than_many_short_ones() -> None:
    raw = codecs.BOM_UTF16_LE + ("上" * 400_000 + "\n省").encode("utf-16-le")  # a byte of each is that of a line end
    began = time.process_time()
    assert list(TextStream(io.BytesIO(raw), "a", None, pytest.fail)) == [(1, "上" * 400_000 + "\n"), (2, "省")]
    assert time.process_time() - began < 5


class Slow(io.RawIOBase):
    """A stream of which no more may be read than the pieces that have come."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._pieces.pop(0)
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_line_of_a_wide_encoding_is_there_when_it_has_come(encoding: str, mark: str) -> None:
    lines = ["海上\n", "上海\n", "省\n"]
    raw = [line.encode(encoding) for line in (mark + lines[0], *lines[1:])]
    given = encoding[:6] if mark or encoding.endswith("le") else encoding  # without a mark it is little-endian
    found = iter(TextStream(io.BufferedReader(Slow(*raw)), "-", given, pytest.fail))  # type: ignore[arg-type]
    assert [next(found) for _ in lines] == list(enumerate(lines, 1))


def test_a_folder_that_a_glob_finds_is_read(tmp_path: Path) -> None:
    for name in ("2023/deep/x.txt", "2023/.hidden.txt", "top.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("省", encoding="utf-8")
    top, deep = str(tmp_path / "top.txt"), str(tmp_path / "2023" / "deep" / "x.txt")
    for pattern, ids in (("*", ["deep/x.txt", top]), ("**", [deep, top]), ("202?/*", ["x.txt"]), ("*.txt", [top])):
        assert [article.id for article in articles(str(tmp_path / pattern))] == ids


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    for name in ("in/sub/b.txt", "out/c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("省", encoding="utf-8")
    for name, other in (("in/a", "../out"), ("in/again", "sub"), ("in/sub/loop", ".."), ("out/back", "../in")):
        (tmp_path / name).symlink_to(other)
    folder = tmp_path / "in"
    skipped: list[InputError] = []
    found = articles(folder, folder / "a", skipped=skipped.append)
    assert [article.id for article in found] == ["sub/b.txt", "a/c.txt"] and skipped == []
