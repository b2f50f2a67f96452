"""Preparation of text: what is kept, what is dropped and why, and what the tokens carry."""

import gzip
import json
import lzma
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from models import tiny_encoder
from transformers import AutoTokenizer, BertTokenizerFast

from bangfu.inference.encoder import Encoder
from bangfu.labels.user_error import UserError
from bangfu.training import text_source, token_store, vocabulary
from bangfu.training.pretraining_config import SourceConfig
from bangfu.training.text_source import IGNORE, Seen, SourceReport, documents

HONEST = "关闭小煤窑两百多座，安置矿工。\n编辑部向灾区小学捐赠图书五百册。\n来源于企业的善款都要公开。\n"
PLAIN = """县慈善总会向山区学校捐赠了一百万元。全县的学校都安了新窗。
责任编辑：王某
全文
县慈善总会向山区学校捐赠了一百万元。全县的学校都安了新窗。

http://example.org/a/b/c?d=e 第二页的内容在这里
市民政局２０２４年发放五百万元，安排义诊。
"""


def _read(path: Path, **others: object) -> tuple[list[list[str]], SourceReport]:
    source = SourceConfig(str(path), **others)  # type: ignore[arg-type]
    report = SourceReport(source.path)
    return [[one.text for one in document] for document in documents(source, {}, Seen(), report)], report


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".txt.xz"])
def test_paragraphs_are_cleaned_and_dropped_by_cause(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    opener = {".txt": Path.open, ".txt.gz": gzip.open, ".txt.xz": lzma.open}[suffix]
    with opener(path, "wb") as file:  # type: ignore[operator]
        file.write(PLAIN.encode() + b"\xff\xfe\xe5\n")
    found, report = _read(path)
    assert found == [
        ["县慈善总会向山区学校捐赠了一百万元。全县的学校都安了新窗。"],
        ["市民政局2024年发放五百万元，安排义诊。"],
    ]
    assert dict(report.dropped) == {
        "page furniture": 1, "too short": 1, "duplicate": 1, "little Chinese": 1, "not readable": 1,
    }  # fmt: skip
    assert "dropped 1 duplicate, 1 too short" in str(report)


def test_honest_short_paragraphs_and_documents_stay_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(HONEST, encoding="utf-8")
    assert _read(tmp_path / "a.txt")[0] == [HONEST.split()]
    # lines that are dropped do not cut the document behind a blank line
    text = "略\n" * 99 + "\n" + "".join(f"第{n}次向山区学校捐款。\n" for n in range(8)) + "\n尾声在这里写完。\n"
    (tmp_path / "b.txt").write_text(text, encoding="utf-8")
    assert [len(document) for document in _read(tmp_path / "b.txt")[0]] == [8, 1]


def test_sentences_of_another_source_are_duplicates_but_marks_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("县/n 慈善/n 总会/n 捐赠/v 一百/m 万元/q 。/w", encoding="utf-8")
    (tmp_path / "b.txt").write_text("县慈善总会捐赠一百万元。", encoding="utf-8")
    line = {"text": "县慈善总会捐赠一百万元。", "spans": [{"start": 0, "end": 5, "label": "机构"}]}
    (tmp_path / "c.jsonl").write_text(json.dumps(line), encoding="utf-8")
    seen, found = Seen(), []
    for name, form, labels in (
        ("a.txt", "tagged", {}),
        ("b.txt", "plain", {}),
        ("c.jsonl", "labelled", {"机构": "ORG"}),
    ):
        source = SourceConfig(str(tmp_path / name), form, labels)  # type: ignore[arg-type]
        found.append([one for document in documents(source, {}, seen, SourceReport(name)) for one in document])
    assert [len(one) for one in found] == [1, 0, 1]
    assert found[2][0].names is not None and found[2][0].names.tolist() == [3, 4, 4, 4, 4, *[0] * 7]


def test_tokens_carry_words_tags_and_names(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("江苏/LOC 慈善/n 总会/n 捐/v 12/m 万元/q 。/w", encoding="utf-8")
    line = {"text": "江苏慈善总会捐12万元", "spans": [{"start": 0, "end": 2, "label": "LOC"}]}
    (tmp_path / "b.jsonl").write_text(json.dumps(line), encoding="utf-8")
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_encoder(tmp_path / "encoder")).backend_tokenizer)
    sources = (
        SourceConfig(str(tmp_path / "a.txt"), "tagged"),
        SourceConfig(str(tmp_path / "b.jsonl"), "labelled", {"LOC": "LOC"}),
    )
    store = token_store.build(sources, encoder, tmp_path / "tokens", 0.0, list[str]().append)
    tagged, marked = store.train
    assert tagged.starts.tolist() == [True, False, True, False, True, False, True, True, False, True, False, True]
    names = [store.tag_names[tag // 2] + ("+" if tag % 2 else "") for tag in tagged.tags]
    assert names == ["LOC", "LOC+", "n", "n+", "n", "n+", "v", "m", "m+", "q", "q+", "w"]
    assert (tagged.names == IGNORE).all() and (marked.tags == IGNORE).all()
    assert marked.names.tolist() == [1, 2, *[0] * 9]
    # 1 and ##2 are one word where nothing is known of words
    assert marked.starts.tolist() == [*[True] * 8, False, True, True]
    # the text may be gone, but not changed
    Path(sources[0].path).unlink()
    again = token_store.build(sources, encoder, tmp_path / "tokens", 0.0, list[str]().append)
    assert np.array_equal(again.train[0].ids, tagged.ids)
    Path(sources[1].path).write_text("other", encoding="utf-8")
    with pytest.raises(UserError, match="holds the tokens of other text"):
        token_store.build(sources, encoder, tmp_path / "tokens", 0.0, list[str]().append)


def test_documents_are_held_out_whole(tmp_path: Path) -> None:
    text = "\n\n".join(
        f"第{n}号：县慈善总会向学校捐赠{n}万元。\n第{n}号：市民政局向山区学校捐赠{n}万元。" for n in range(200)
    )
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_encoder(tmp_path / "encoder")).backend_tokenizer)
    sources = (SourceConfig(str(tmp_path / "a.txt")),)
    store = token_store.build(sources, encoder, tmp_path / "tokens", 0.2, list[str]().append)
    held, train = (sum(len(piece.ids) for piece in part) for part in (store.held_out, store.train))
    assert 0.1 < held / (held + train) < 0.3 and store.reports[0]["held_out"] == held


def test_a_giant_document_is_held_out_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_source, "PART_CHARACTERS", 800)
    lines = [f"第{n:04d}条：县慈善总会向山区学校捐赠了{n:04d}万元。" for n in range(2000)]
    # 200 documents of five paragraphs, and one of 1,000
    small = ["\n".join(lines[start : start + 5]) for start in range(0, 1000, 5)]
    (tmp_path / "a.txt").write_text("\n\n".join([*small, "\n".join(lines[1000:])]), encoding="utf-8")
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_encoder(tmp_path / "encoder")).backend_tokenizer)
    sources = (SourceConfig(str(tmp_path / "a.txt")),)
    said: list[str] = []
    store = token_store.build(sources, encoder, tmp_path / "tokens", 0.2, said.append)
    report = store.reports[0]
    assert 0.15 < report["held_out"] / report["tokens"] < 0.25
    assert report["documents"] == 201 and report["parts"] == 200 + 1000 // (800 // len(lines[0])) + 1
    assert f"held out: {report['parts_held_out']} of {report['parts']} documents, long ones counted as" in said[0]
    # the same text gives the same parts; what was prepared before they were counted is read as it is
    again = token_store.build(sources, encoder, tmp_path / "again", 0.2, said.append)
    assert np.array_equal(again.held_out[0].ids, store.held_out[0].ids)
    index = tmp_path / "tokens" / token_store.INDEX_FILE
    values = json.loads(index.read_text(encoding="utf-8"))
    for name in ("parts", "parts_held_out", "repeats_held_out"):
        del values["reports"][0][name]
    index.write_text(json.dumps(values), encoding="utf-8")
    former = token_store.build(sources, encoder, tmp_path / "tokens", 0.2, said.append)
    assert np.array_equal(former.held_out[0].ids, store.held_out[0].ids)


def test_a_stock_sentence_holds_out_paragraphs_not_documents(tmp_path: Path) -> None:
    documents_ = [
        f"第{n:03d}条：县慈善总会捐赠{n:03d}万元。\n第{n:03d}条：市民政局向山区的各个学校捐赠{n:03d}万元。本办法自发布之日起施行。"
        for n in range(200)
    ]
    (tmp_path / "a.txt").write_text("\n\n".join(documents_), encoding="utf-8")
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_encoder(tmp_path / "encoder")).backend_tokenizer)
    first, second = (len(tokens) for tokens in encoder.encode(documents_[0].split("\n")))
    sources = (SourceConfig(str(tmp_path / "a.txt")),)
    report = token_store.build(sources, encoder, tmp_path / "tokens", 0.05, list[str]().append).reports[0]
    drawn, repeats = report["parts_held_out"], report["repeats_held_out"]
    assert report["dropped"]["duplicate"] == 0 and 3 < drawn < 20 and repeats > 100
    assert report["held_out"] == drawn * (first + second) + repeats * second


def test_what_repeats_a_held_out_document_is_held_out(tmp_path: Path) -> None:
    lines = [f"第{n}次县慈善总会向学校捐赠{n}万元。" for n in range(200)]
    (tmp_path / "a.txt").write_text("\n\n".join(lines), encoding="utf-8")
    marked = [json.dumps({"text": line, "spans": []}) for line in lines]
    (tmp_path / "b.jsonl").write_text("\n".join(marked), encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder(tmp_path / "encoder", ("第",)))
    sources = (SourceConfig(str(tmp_path / "a.txt")), SourceConfig(str(tmp_path / "b.jsonl"), "labelled", {"A": "LOC"}))
    store = token_store.build(
        sources, Encoder(tokenizer.backend_tokenizer), tmp_path / "tokens", 0.1, list[str]().append
    )
    begin = tokenizer.convert_tokens_to_ids("第")

    def sentences(pieces: tuple[token_store.Piece, ...], source: int) -> set[tuple[int, ...]]:
        ids = np.concatenate([piece.ids for piece in pieces if piece.source == source])
        return {tuple(map(int, part)) for part in np.split(ids, np.flatnonzero(ids == begin))[1:]}

    held, repeated = sentences(store.held_out, 0), sentences(store.held_out, 1)
    assert 5 < len(held) < 50 and held < repeated and not held & sentences(store.train, 1)


def test_pieces_of_tokens_stay_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "PIECE_TOKENS", 100)
    (tmp_path / "a.txt").write_text("\n".join(f"第{n}次：县慈善总会捐赠{n}万元。" for n in range(60)), encoding="utf-8")
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_encoder(tmp_path / "encoder")).backend_tokenizer)
    sources = (SourceConfig(str(tmp_path / "a.txt")),)
    store = token_store.build(sources, encoder, tmp_path / "tokens", 0.0, list[str]().append)
    assert {len(piece.ids) for piece in store.train[:-1]} == {100} and len(store.train[-1].ids) <= 100
    assert store.tokens == store.reports[0]["tokens"]


def test_a_source_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt: cannot be read .*; give a \.txt"):
        _read(tmp_path / "none.txt")
    (tmp_path / "bad.xz").write_bytes(b"not xz")
    with pytest.raises(UserError, match="cannot be read"):
        _read(tmp_path / "bad.xz")


def test_the_vocabulary_is_one_character_a_token(tmp_path: Path) -> None:
    counts = vocabulary.count(["犇羴鱻羴羴", "ABC\u3000１"])
    tokens = vocabulary.build(counts, minimum_count=2)
    assert tokens[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] and len(tokens) == len(set(tokens))
    assert sum("\u4e00" <= token <= "\u9fff" for token in tokens) == 6763 + 1  # 羴 stands there three times
    vocabulary.write(tokens, tmp_path / "v")
    stock = BertTokenizerFast.from_pretrained(tmp_path / "v")
    assert stock.tokenize("扶贫1998年SK羴") == ["扶", "贫", "1", "##9", "##9", "##8", "年", "s", "##k", "羴"]
    assert (tmp_path / "v" / "vocab.txt").read_text(encoding="utf-8").splitlines() == tokens
