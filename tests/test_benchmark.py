"""The benchmark: other tools in processes of their own, amounts read from their words, one table."""

import json
import sys
import warnings
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

# What stand in for HanLP and LTP answer as their documentation and source have it: no word begins with a space, names
# are told by the numbers of their words, and HanLP knows places of words only where it is told to put them out.
WORDS = """
import re
TAGS = {"县": "ns", "青云": "ns", "12": "m", "件": "q", "500": "m", "元": "q"}
def words_of(text):
    return list(re.finditer("县|青云|基金会|北山|[0-9]+|[^\\s]", text))
"""
HANLP = (
    WORDS
    + """
from types import SimpleNamespace
pretrained = SimpleNamespace(mtl=SimpleNamespace(CLOSE_TOK_POS_NER_SRL_DEP_SDP_CON_ELECTRA_SMALL_ZH="address"))
NUMBERS = {"m": "CD", "q": "M"}
class Model(dict):
    def __call__(self, data, tasks):
        assert tasks == ["tok/fine", "pos/ctb", "ner/msra"] and all(text.strip() for text in data)
        document = {task: [] for task in tasks}
        for text in data:
            found = words_of(text)
            words = [match.group() for match in found]
            placed = [[match.group(), *match.span()] for match in found]
            document["tok/fine"].append(placed if self["tok/fine"].config.output_spans else words)
            document["pos/ctb"].append([NUMBERS.get(TAGS.get(word), "NR") for word in words])
            names = [(word, "LOCATION", n, n + 1) for n, word in enumerate(words) if word == "北山"]
            pairs = enumerate(zip(words, words[1:]))
            names += [("青云基金会", "ORGANIZATION", n, n + 2) for n, pair in pairs if pair == ("青云", "基金会")]
            document["ner/msra"].append(names)
        return document
def load(address):
    assert address == "address"
    return Model({"tok/fine": SimpleNamespace(config=SimpleNamespace(output_spans=None))})
"""
)
LTP = (
    WORDS
    + """
from types import SimpleNamespace
class LTP:
    def __init__(self, name):
        assert name == "LTP/small"
    def pipeline(self, inputs, tasks):
        assert tasks == ["cws", "pos", "ner"] and all(0 < len(text.strip()) and len(text) < 510 for text in inputs)
        cws, pos, ner = [], [], []
        for text in inputs:
            starts = [match.start() for match in words_of(text)]
            # a word goes on to where the next one begins
            cws.append([text[start:end] for start, end in zip(starts, starts[1:] + [len(text)])])
            words = [word.strip() for word in cws[-1]]
            pos.append([TAGS.get(word, "n") for word in words])
            names = [("Ns", word, n, n) for n, word in enumerate(words) if word == "北山"]
            pairs = enumerate(zip(words, words[1:]))
            ner.append(names + [("Ni", "青云基金会", n, n + 1) for n, pair in pairs if pair == ("青云", "基金会")])
        return SimpleNamespace(cws=cws, pos=pos, ner=ner)
"""
)
# what finds no weights says so at the first text, at length and in lines, or by ending
NO_WEIGHTS = """
class LTP:
    def __init__(self, name):
        self.name = name
    def pipeline(self, inputs, tasks):
        raise RuntimeError("no weights of\\n" + self.name + " here" + 400 * "!")
"""
GIVES_UP = """
raise SystemExit("no weights here")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.fixture
def jieba(site: Path) -> PeerChoice:
    (site / "jieba").mkdir()
    (site / "jieba" / "__init__.py").touch()
    (site / "jieba" / "posseg.py").write_text(STAND_IN, encoding="utf-8")
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


def test_a_chart_shows_any_name() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra 'train'")
    from bangfu.training import charts

    rows = [{"tool": name, "micro": {"f1": 0.5, "f1_interval": [0.4, 0.6]}} for name in ("帮扶 $x_$", "a\ud800")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what matplotlib says of characters that its font lacks
        assert charts.benchmark(rows, "民政 $x_$.jsonl").startswith(b"\x89PNG")


def test_a_tool_that_breaks_down_does_not_stop_the_others(
    tmp_path: Path, jieba: PeerChoice, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "gold.jsonl", tmp_path / "out"
    jsonl.write([Document("a", "青云会到", (Span(0, 3, "ORG"),)), Document("b", "死")], file)
    given = ["--noise", "furniture", "--noise", "lost_stops", "--peer", "jieba", "--output", str(out)]
    assert main(["benchmark", "accuracy", str(file), *given]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bangfu: left out: jieba: ended with status 3")
    tables = json.loads((out / "benchmark.json").read_text(encoding="utf-8"))["tables"]
    assert [[one["tool"] for one in made["rows"]] for made in tables] == [["bangfu-mini"]] * 2


def test_tools_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"lac", "jieba", "jionlp"} <= set(PEERS)
    for given, words in (
        ("hanbao", "give NAME or NAME=PYTHON; known are"),
        (f"lac={tmp_path / 'python'}", "cannot be started"),
        (f"uie={sys.executable}", "install it there"),
        ("lac=/bin/cat", "/bin/cat answers what is no JSON object .*; give a Python"),
    ):
        with pytest.raises(PeerError, match=words):
            Peer(PeerChoice.parse(given))
    file = tmp_path / "gold.jsonl"
    jsonl.write([Document("a", "民政部")], file)
    assert main(["benchmark", "accuracy", str(file), "--peer", "hanbao"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("name", "source"), [("hanlp", HANLP), ("ltp", LTP)])
def test_words_and_names_become_spans_of_the_raw_text(name: str, source: str, site: Path) -> None:
    (site / f"{name}.py").write_text(source, encoding="utf-8")
    text = "  青云 基金会到北山\n\n \r\n青云\n基金会：12件，　500 元。在北山 捐500元！" + "长" * 600 + "北山"
    with Peer(PeerChoice(name)) as peer:
        assert peer.labels == ("ORG", "LOC", "AMOUNT") and peer("\n \n") == []
        found = [(span.start, text[span.start : span.end], span.label) for span in peer(text)]
    assert found == [
        (2, "青云 基金会", "ORG"),
        (9, "北山", "LOC"),
        (23, "12件", "AMOUNT"),
        (35, "北山", "LOC"),
        (39, "500元", "AMOUNT"),
        (len(text) - 2, "北山", "LOC"),
    ]


def test_a_tool_without_weights_does_not_stop_the_others(
    tmp_path: Path, site: Path, jieba: PeerChoice, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "ltp.py").write_text(NO_WEIGHTS, encoding="utf-8")
    (site / "hanlp.py").write_text(GIVES_UP, encoding="utf-8")
    file = tmp_path / "gold.jsonl"
    jsonl.write([Document("a", "青云会到", (Span(0, 3, "ORG"),))], file)
    asked = [part for name in ("hanlp", "ltp", "uie", "jieba") for part in ("--peer", name)]
    assert main(["benchmark", "accuracy", str(file), *asked]) == 1
    printed = capsys.readouterr()
    assert "\njieba  " in printed.out and "LTP" not in printed.out
    hanlp, ltp, uie = printed.err.splitlines()
    assert "left out: hanlp: cannot be loaded under" in hanlp and "(SystemExit: no weights here)" in hanlp
    assert "(RuntimeError: no weights of LTP/small here!!!" in ltp and "put its weights where" in ltp
    assert "uie: " in uie and "install it there" in uie and len(ltp) < 600
    # those that nobody asked for are no failure
    assert main(["benchmark", "accuracy", str(file)]) == 0
    assert "\njieba  " in capsys.readouterr().out


def test_the_real_jieba() -> None:
    pytest.importorskip("jieba", reason="needs jieba, which is none of our extras")
    with Peer(PeerChoice("jieba")) as peer:
        text = "四川省捐赠500元"
        assert {(text[span.start : span.end], span.label) for span in peer(text)} == {
            ("四川省", "LOC"),
            ("500元", "AMOUNT"),
        }
