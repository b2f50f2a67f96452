"""What amounts say: numbers and units."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bangfu.inference import Extractor, Value
from bangfu.inference.cleaning import clean
from bangfu.inference.numeral import numeral
from bangfu.inference.value import _USUAL, Sense, value
from bangfu.labels import labelled_file

CORPUS = Path(__file__).parent.parent / "labels" / "corpus"


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("1260万元", 12_600_000, "元"),
        ("１，２６０．５万元", 12_605_000, "元"),
        ("1 260 元", 1260, "元"),
        ("0.1万元", 1000, "元"),
        ("1.2万亿元", 1_200_000_000_000, "元"),
        ("3个亿", 300_000_000, ""),
        ("43万5千元", 435_000, "元"),
        ("4万6372人", 46_372, "人"),
        ("四十三万五千元", 435_000, "元"),
        ("一亿零五百万元", 105_000_000, "元"),
        ("一萬三千名", 13_000, "名"),
        ("叁万陆仟元整", 36_000, "元"),
        ("十四点八万元", 148_000, "元"),
        ("一百点〇五亿元", 10_005_000_000, "元"),
        ("一万三", 13_000, ""),
        ("21万6", 216_000, ""),
        ("三百零五人", 305, "人"),
        ("俩人", 2, "人"),
        ("十户", 10, "户"),
        ("9元6角", 9.6, "元"),
        ("四块八", 4.8, "元"),
        ("两毛七", 0.27, "元"),
        ("五分钱", 0.05, "元"),
        ("三吨半", 3.5, "吨"),
        ("半亩", 0.5, "亩"),
        ("一米六", 1.6, "米"),
        ("500千瓦", 500, "千瓦"),
        ("9007亿千瓦时", 900_700_000_000, "千瓦时"),
        ("3万两", 30_000, "两"),
        ("5000单", 5000, "单"),
        ("一百十户", 110, "户"),
        ("廿五户", 25, "户"),
        ("500元不等", 500, "元"),
        ("1 200 m2", 1200, "m²"),
        ("12起", 12, "起"),
        ("人民币25万元", 250_000, "元"),
        ("¥61,207.33", 61_207.33, "元"),
        ("300万元人民币", 3_000_000, "元"),
        ("三千元美金", 3000, "美元"),
        ("港幣80萬元", 800_000, "港元"),
        ("HK$50万", 500_000, "港元"),
        ("三十萬(wàn)元", 300_000, "元"),
        ("28人次", 28, "人次"),
    ],
)
def test_a_number_and_its_unit(text: str, number: float, unit: str) -> None:
    assert value(clean(text).text) == Value(number, None, unit, "exact")


@pytest.mark.parametrize(
    ("text", "number", "unit", "sense"),
    [
        ("1260余万元", 12_600_000, "元", "more"),
        ("138.6万余元", 1_386_000, "元", "more"),
        ("70万元余", 700_000, "元", "more"),
        ("十几户", 10, "户", "more"),
        ("三个多亿", 300_000_000, "", "more"),
        ("上百吨", 100, "吨", "more"),
        ("9亩多", 9, "亩", "more"),
        ("5万元以上", 50_000, "元", "more"),
        ("9元起", 9, "元", "more"),
        ("2万元左右", 20_000, "元", "about"),
        ("千亩", 1000, "亩", "about"),
        ("十来个", 10, "个", "about"),
        ("50户以内", 50, "户", "less"),
        ("几十家", 10, "家", "several"),
        ("数百万元", 1_000_000, "元", "several"),
        ("几千米", 1000, "米", "several"),
        ("300+人", 300, "人", "more"),
        ("近千元", 1000, "元", "less"),
    ],
)
def test_more_or_less(text: str, number: float, unit: str, sense: Sense) -> None:
    assert value(text) == Value(number, None, unit, sense)


@pytest.mark.parametrize(
    ("text", "number", "upper", "unit"),
    [
        ("400至1200元", 400, 1200, "元"),
        ("3至5万元", 30_000, 50_000, "元"),
        ("500至2万元", 500, 20_000, "元"),
        ("3000元～1万元", 3000, 10_000, "元"),
        ("港币5000元到8000元", 5000, 8000, "港元"),
        ("28—38元/斤", 28, 38, "元/斤"),
        ("三五百名", 300, 500, "名"),
        ("一两家", 1, 2, "家"),
        ("一百四五十斤", 140, 150, "斤"),
        ("4、5个", 4, 5, "个"),
        ("二、三十人", 20, 30, "人"),
    ],
)
def test_ranges(text: str, number: float, upper: float, unit: str) -> None:
    assert value(text) == Value(number, upper, unit, "exact")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "元",
        "二〇二〇年",
        "1,26元",
        "3 12元",
        "4×100米",
        "00余名",
        "10万一次性口罩",
        "三米多高",
        "百分之百",
        "几十上百人",
        "000,000元",
        "1-2-3个",
        "万千人",
        "成百上千户",
        "三元五元",
        "9" * 20,
        "9" * 10_000 + "万元",
        "万" * 10_000,
        "三亩二分",
    ],
)
def test_what_is_not_understood_has_no_value(text: str) -> None:
    assert value(text) is None


@pytest.mark.parametrize(
    ("before", "sense"),
    [
        ("共筹集近", "less"),
        ("帮助不足 ", "less"),
        ("不超过", "less"),
        ("资金超过", "more"),
        ("不少于", "more"),
        ("逾\n", "more"),
        ("捐赠约", "about"),
        ("大约有", "about"),
        ("未超过", "less"),
        ("超过了", "more"),
        ("节约", "exact"),
        ("就近", "exact"),
        ("附近", "exact"),
        ("现场签约", "exact"),
        ("", "exact"),
    ],
)
def test_words_in_front_count(before: str, sense: Sense) -> None:
    assert value("50万元", before) == Value(500_000, None, "元", sense)


def test_about_a_range() -> None:
    assert value("3至5万元", "每户约") == value("约3至5万元") == Value(30_000, 50_000, "元", "about")
    assert value("3至5万元", "不超过") == Value(30_000, 50_000, "元", "exact")


def test_the_extractor_says_what_amounts_say(extractor: Extractor) -> None:
    text = "某某慈善会向该县捐赠善款近１２０萬(wàn)元，惠及300余户。"
    values = {entity.text: entity.value for entity in extractor(text) if entity.label == "AMOUNT"}
    assert values["１２０萬(wàn)元"] == Value(1_200_000, None, "元", "less")
    assert values["300余户"] == Value(300, None, "户", "more")
    assert all(entity.value is None for entity in extractor(text) if entity.label != "AMOUNT")


def test_nearly_every_amount_of_the_corpus_is_understood() -> None:
    amounts = [
        clean(document.span_text(span)).text
        for document in labelled_file.read(CORPUS / "test.jsonl")
        for span in document.spans
        if span.label == "AMOUNT"
    ]
    missing = [text for text in amounts if value(text) is None]
    assert len(amounts) > 1000 and len(missing) < 0.003 * len(amounts), missing


@given(
    st.from_regex(_USUAL, fullmatch=True),
    st.sampled_from(["近", "约", "签约", "超过", "不超过", "超", "人，", "", "附近 ", "至少"]),
)
def test_the_short_way_is_the_long_way(text: str, before: str) -> None:
    # a space ends the short way, and is nothing to the long one
    assert value(text, before) == value(" " + text, before)


@given(st.integers(1, 10**8 - 1))
def test_numerals_as_they_are_written(number: int) -> None:
    amounts = pytest.importorskip("bangfu.training.amounts", reason="needs the extra 'train'", exc_type=ImportError)
    read = numeral(amounts.chinese(number) + "元")
    assert read is not None and read.number == number and not (read.several or read.over or read.some)


@given(st.text("0123456789.,零一二两十百千万亿几数余多点个元半至块角 上", max_size=12), st.text(max_size=3))
def test_nothing_is_too_odd(text: str, before: str) -> None:
    found = value(text, before)
    if found is not None:
        assert 0 <= found.number < (found.upper or float("inf")) <= float("inf") and "1" not in found.unit
