"""The benchmark: other tools in processes of their own, amounts read from their words, one table."""

import json
import sys
from pathlib import Path

import pytest

from bangfu.labels import Document, Span, jsonl
from bangfu.scripts.main import main
from bangfu.training.benchmark import compare_all, joined_places, on_clean_text, row, table
from bangfu.training.peer import PEERS, Peer, PeerChoice, PeerError
from bangfu.training.quantities import quantities

# What stands in for jieba knows a few words by heart, greets on standard output, and dies of one word.
STAND_IN = """
import re
print("hello from a tool")
WORDS = {"宁海": "ns", "北山县": "ns", "青云会": "nt", "三百": "m", "12": "x", "件": "q"}
def cut(text):
    if "死" in text:
        raise SystemExit(3)
    for word in re.findall("|".join(WORDS) + "|.", text, re.S):
        yield word, WORDS.get(word, "x")
"""


@pytest.fixture
def jieba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PeerChoice:
    folder = tmp_path / "site" / "jieba"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "posseg.py").write_text(STAND_IN, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    return PeerChoice("jieba")


@pytest.mark.parametrize(
    ("words", "amounts"),
    [
        (["三百", "余", "件"], ["三百余件"]),
        (["约", "1.5", "亿元"], ["1.5亿元"]),
        (["第五", "次"], []),
        (["35", "%"], []),
        (["2021", "年"], []),
        (["8", "月"], []),
        (["三千"], []),
        (["两", "小时"], []),
        (["件"], []),
    ],
)
def test_amounts_among_number_words(words: list[str], amounts: list[str]) -> None:
    text, ranges = "向", []
    for word in words:
        ranges.append((len(text), len(text) + len(word)))
        text += word
    assert [text[start:end] for start, end in quantities(text + "和", ranges)] == amounts


def test_a_gap_parts_amounts() -> None:
    assert quantities("3件和5头", [(0, 1), (1, 2), (3, 4), (4, 5)]) == [(0, 2), (3, 5)]


def test_a_tool_in_a_process_of_its_own(jieba: PeerChoice) -> None:
    with Peer(jieba) as peer:
        assert (peer.name, peer.labels) == ("jieba", ("ORG", "LOC", "AMOUNT"))
        text = "青云会\u2028向宁海北山县\n送衣12件\ud800"
        spans = peer(text)
        assert [(text[span.start : span.end], span.label) for span in spans] == [
            ("青云会", "ORG"),
            ("宁海", "LOC"),
            ("北山县", "LOC"),
            ("12件", "AMOUNT"),
        ]
        assert [text[span.start : span.end] for span in joined_places(peer)(text) if span.label == "LOC"] == [
            "宁海北山县"
        ]
        raw = "青云会到寧海(níng)捐１２件"
        found = on_clean_text(peer)(raw)
        assert [raw[span.start : span.end] for span in found] == ["青云会", "寧海", "１２件"]
        with pytest.raises(PeerError, match="ended with status 3"):
            peer("死")


def test_the_row_of_a_tool_without_a_label(jieba: PeerChoice) -> None:
    gold = Document("a", "青云会助学12件", (Span(0, 3, "ORG"), Span(3, 5, "AID"), Span(5, 8, "AMOUNT")))
    with Peer(jieba) as peer:
        values = row(peer.name, compare_all([gold], peer, peer.name), peer.labels)
    assert values["AID"] is None and values["ORG"]["f1"] == 1
    assert values["own"]["f1"] == 1 and values["micro"]["f1"] == pytest.approx(2 * 2 / (3 + 2))
    line = table("t", [values]).splitlines()[-1].split()
    assert line[:5] == ["jieba", "100.0", "–", "100.0", "–"]


def test_the_command(tmp_path: Path, jieba: PeerChoice, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "<gold>.jsonl", tmp_path / "out"
    text = "青云会向北山县捐赠三百件"
    jsonl.write([Document("a", text, (Span(0, 3, "ORG"), Span(4, 7, "LOC"), Span(9, 12, "AMOUNT")))], file)
    assert main(["benchmark", "accuracy", str(file), "--variants", "--peer", "jieba", "--output", str(out)]) == 0
    (made,) = json.loads((out / "benchmark.json").read_text(encoding="utf-8"))["tables"]
    tools = [values["tool"] for values in made["rows"]]
    assert tools[:3] == ["bangfu-mini", "bangfu-mini, without our cleaning", "jieba"] and len(tools) == 6
    assert made["rows"][2]["micro"]["f1"] == 1
    html = (out / "benchmark.html").read_text(encoding="utf-8")
    assert "<gold>" not in html and "&lt;gold&gt;.jsonl" in html and "http" not in html.replace("data:image", "")
    assert "jieba, our cleaning, places joined" in capsys.readouterr().out


def test_tools_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"lac", "jieba", "jionlp"} <= set(PEERS)
    for given, words in (
        ("hanbao", "give NAME or NAME=PYTHON; known are"),
        (f"lac={tmp_path / 'python'}", "cannot be started"),
        (f"uie={sys.executable}", "install it there"),
    ):
        with pytest.raises(PeerError, match=words):
            Peer(PeerChoice.parse(given))
    file = tmp_path / "gold.jsonl"
    jsonl.write([Document("a", "民政部")], file)
    assert main(["benchmark", "accuracy", str(file), "--peer", "hanbao"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_real_jieba() -> None:
    pytest.importorskip("jieba", reason="needs jieba, which is none of our extras")
    with Peer(PeerChoice("jieba")) as peer:
        text = "四川省捐赠500元"
        assert {(text[span.start : span.end], span.label) for span in peer(text)} == {
            ("四川省", "LOC"),
            ("500元", "AMOUNT"),
        }
