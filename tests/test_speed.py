"""The benchmark of speed: who reads what, what is counted, and how much arithmetic it is."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from bangfu.inference import Extractor
from bangfu.inference.backend import Backend
from bangfu.inference.model_folder import CONFIG, SHIPPED, TOKENIZER, WEIGHTS
from bangfu.labels.schema import TAGS
from bangfu.labels.user_error import UserError
from bangfu.scripts.main import main
from bangfu.training.article_mix import joined, share
from bangfu.training.contender import Contender, ContenderChoice, ContenderError
from bangfu.training.flops import BertSizes, Work
from bangfu.training.line_up import peers
from bangfu.training.passages import passages
from bangfu.training.peer import PeerChoice
from bangfu.training.roofline import figures
from bangfu.training.speed_page import text

TEXTS = [
    "青云会向会泽县捐赠冬衣1200件。",
    "江苏省民政厅昨天说，慈善总会捐款80万元，帮助宁海县的学生。" * 12,
    "中国红十字基金会向会泽县捐赠冬衣1200件，并开展义诊。" * 3,
    "记者从省民政厅获悉，两省社会组织到共和县开展义诊。",
]
TOOL = """
NAME, PACKAGE, LABELS, NUMBERS, DATA = "tool", "tool", {}, [], ["json/decoder.py"]
def load():
    return lambda text: [(0, 1, "x")] * text.count("县")
def load_batches():
    raise ImportError("no batches today")
"""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(SHIPPED / TOKENIZER))


@pytest.fixture
def tool(tmp_path: Path) -> ContenderChoice:
    (tmp_path / "tool.py").write_text(TOOL, encoding="utf-8")
    return ContenderChoice("tool", "peer", {"adapter": str(tmp_path / "tool.py")})


def test_side_by_side(tmp_path: Path, extractor: Extractor, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("transformers", reason="needs the extra 'train'")
    file, out = tmp_path / "articles.jsonl", tmp_path / "out"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS), encoding="utf-8")
    who = ["--contender", "int8", "--contender", "pipeline", "--peer", "none", "--output", str(out)]
    how = ["--rounds", "2", "--starts", "1", "--seconds", "0.1", "--threads", "1"]
    assert main(["benchmark", "speed", str(file), *who, *how]) == 0
    values = json.loads((out / "speed.json").read_text(encoding="utf-8"))
    ours, pipeline = values["rows"]
    characters = sum(map(len, TEXTS))
    for row in values["rows"]:
        assert [run["characters"] for run in row["runs"]] == [characters, characters]
        assert row["share"]["articles"] == 4 and row["share"]["characters"] == characters
        rates = sorted(characters / run["seconds"] for run in row["runs"])
        assert row["per_second"]["min"] == pytest.approx(rates[0])
        assert row["per_second"]["median"] == pytest.approx(sum(rates) / 2)
        assert 0 < row["peak_memory"] < 4e9 and row["start_up"]["min"] > 0
    entities = sum(map(len, extractor(TEXTS)))
    assert entities > 8 and ours["found"] == entities and pipeline["found"] > 8
    ratios = [theirs["seconds"] / mine["seconds"] for mine, theirs in zip(ours["runs"], pipeline["runs"], strict=True)]
    assert pipeline["ratio"]["median"] == pytest.approx(sum(ratios) / 2) and ours["ratio"]["median"] == 1
    assert pipeline["model_size"] > (SHIPPED / WEIGHTS).stat().st_size
    assert pipeline["packages_size"] > 3 * ours["packages_size"] > 0  # torch
    assert sum(part["share"] for part in values["parts"]["int8"].values()) == pytest.approx(1)
    roof = values["roofline"]["int8"]["shares"]["int8, model"]
    assert 0 < roof["useful"]["median"] < roof["run"]["median"] < 1.5
    html = (out / "speed.html").read_text(encoding="utf-8")
    assert "data:image/png" in html and "pipeline, same weights" in html
    assert text(values) in capsys.readouterr().out


class RowByRow:
    """A backend that is given no padding."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def scores(self, ids, mask):  # type: ignore[no-untyped-def]
        result = np.zeros((*ids.shape, len(TAGS)), dtype=np.float32)
        for row, length in enumerate(mask.sum(axis=1)):
            result[row, :length] = self.backend.scores(ids[row : row + 1, :length], mask[row : row + 1, :length])[0]
        return result


def test_flops_are_those_that_torch_counts() -> None:
    pytest.importorskip("transformers", reason="needs the extra 'train'")
    from torch.utils.flop_counter import FlopCounterMode

    from bangfu.training.contenders import parts

    sizes = BertSizes.load(SHIPPED / CONFIG)
    assert sizes == BertSizes(4, 384, 1536, 9)
    _, work = parts.load(str(SHIPPED), "int8", 1, [])
    result = work(TEXTS)
    by_torch = Extractor.load(backend="torch", device="cpu")
    by_torch.backend.model.set_attn_implementation("eager")  # type: ignore[attr-defined]
    by_torch.backend = RowByRow(by_torch.backend)
    with FlopCounterMode(display=False) as counter:
        by_torch(TEXTS)
    flops = {name: Work(**some) for name, some in result["flops"].items()}
    assert flops["run"].total == counter.get_total_flops() > 0
    assert flops["useful"].total < flops["run"].total
    # one short window: [CLS] and [SEP] are read and looked at, and are no tokens of the text
    tokens = len(by_torch.encoder.encode(TEXTS[:1])[0])
    alone = {name: Work(**some) for name, some in work(TEXTS[:1])["flops"].items()}
    assert alone["useful"] == sizes.work(tokens, tokens + 2)
    assert alone["run"] == sizes.work(tokens + 2, tokens + 2)


def test_shares_of_the_roof() -> None:
    flops = {name: {"linear": 60 * some, "attention": 40 * some} for name, some in (("useful", 1), ("run", 2))}
    parts = [{"flops": flops, "characters": 10, "model_seconds": seconds} for seconds in (2.0, 1.0)]
    rate = {"model": 400.0, "square": 800.0}
    rates = [{"int8": rate, "bf16": rate, "fp32": {"model": 100.0, "square": 100.0}}] * 2
    values = figures(parts, rates, "int8")
    assert values["flops_a_character"] == {"useful": 10, "run": 20}
    assert values["roof"]["int8, model"] == 40
    assert values["shares"]["int8, model"]["run"] == {"median": 0.375, "min": 0.25, "max": 0.5}
    assert values["shares"]["int8, square"]["useful"]["max"] == 0.125
    assert values["mixed"]["max"] == pytest.approx(120 / 400 + 80 / 100)
    assert figures(parts, rates, "int8", "bf16")["mixed"]["max"] == pytest.approx(200 / 400)
    without = figures(parts, [{"int8": rate, "fp32": one["fp32"]} for one in rates], "int8", "bf16")
    assert (without["shares"].keys(), without["attention"]) == ({"int8, model", "int8, square"}, "fp32")
    assert without["mixed"] == values["mixed"]


def test_memory_and_start_are_a_contender_s_own(tool: ContenderChoice) -> None:
    ballast = b"x" * (200 << 20)  # a process that is started begins with the peak of its parent
    with Contender(tool, 1, "县") as contender:
        timed = contender(["宁海县和会泽县", "\u2028县"])
        assert (timed.characters, timed.result) == (9, 3)
        assert 0 < contender.peak < len(ballast) / 2
        assert contender.name == "tool" and contender.model_size() == Path(json.decoder.__file__).stat().st_size


def test_who_is_not_there(tool: ContenderChoice, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ContenderError, match=r"no batches today under .*--peer NAME=PYTHON"):
        Contender(ContenderChoice("tool", "peer", {**tool.settings, "batches": True}), 1, "县")
    assert [choice.key for choice in peers([PeerChoice("lac"), PeerChoice("jieba", "py")], True)] == [
        "lac",
        "lac, in batches",
        "jieba",
    ]
    file = tmp_path / "a.txt"
    file.write_text("民政部", encoding="utf-8")
    for given_, words in (
        ([], "give a FILE"),
        ([str(file), "--threads", "0"], "--threads 0"),
        ([str(file), "--join", "0"], "--join 0"),
        ([str(file), "--contender", "int8", "--peer", f"lac={sys.executable}", "--starts", "1"], "lac: "),
    ):
        assert main(["benchmark", "speed", *given_]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1


@given(st.text("捐赠助。！”\n 民，ab1", max_size=60), st.integers(10, 20))
def test_passages_hold_the_whole_text(tokenizer: Tokenizer, raw: str, size: int) -> None:
    pieces = passages(raw, tokenizer, size)
    assert "".join(pieces) == raw
    words = max((len(word) for word in raw.replace("1", "a").replace("b", "a").split()), default=0)
    if words <= size:  # a longer one has to be cut
        assert all(len(tokenizer.encode(piece, add_special_tokens=False)) <= size for piece in pieces)


def test_passages_end_where_sentences_do(tokenizer: Tokenizer) -> None:
    raw = "甲县捐款。“乙县捐物！”丙县义诊，丁县助学，戊县修路。己县"
    assert passages(raw, tokenizer, 11) == ["甲县捐款。", "“乙县捐物！”", "丙县义诊，丁县助学，戊", "县修路。己县"]
    assert passages(raw, tokenizer, 12)[0] == "甲县捐款。“乙县捐物！”"
    assert passages("捐赠abcdefgh", tokenizer, 5)[0] == "捐赠"  # half a word may have more tokens than its share
    with pytest.raises(ValueError, match="size 0"):
        passages(raw, tokenizer, 0)


def test_long_articles_are_made_of_short_ones() -> None:
    mixed = joined([str(number) * 100 for number in range(10)], 250)
    assert [len(text) for text in mixed] == [100] * 5 + [304, 202]
    assert mixed[5] == "\n\n".join(str(number) * 100 for number in (1, 3, 5))
    with pytest.raises(UserError, match="--join 0"):
        joined(["a"], 0)


def test_a_share_has_the_lengths_of_all() -> None:
    texts = ["x" * length for length in (90, 10, 50, 30, 70, 20, 60, 40, 80)]
    assert [len(text) for text in share(texts, 0, 3)] == [50, 20, 80]
    assert share(texts, 1e9, 3) == texts
