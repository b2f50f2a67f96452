"""Cleaning: what it changes, and that the way back is exact."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from maps import assert_exact

from bangfu.inference import characters, cleaning, readings, shifted_bytes
from bangfu.inference.cleaning import clean

ODD = (
    "捐１２３ａＺ％，,;(?・\u200b\ufeff\u3000\xa0\x00\x0c\r\n\ud800𠮷\U000e0001發達乾e\u0301\u0327각\u1100\u1161\u0344"
)
any_text = (
    st.text(st.characters(codec=None), max_size=40)
    | st.lists(st.sampled_from(["县慈善会把助学金送到山里去", "，", "。", "\n", " ", "\t", "一、", "SK"])).map("".join)
    | st.text(st.sampled_from(ODD), max_size=40)
    # readings in brackets, right and wrong, composed and not
    | st.lists(
        st.sampled_from(["发(fā)", "發(fa)", "(fā)", "达（dá）", "县(fā)", "进(ji\u0300n)", "(", "ok", "一"])
    ).map("".join)
)


def test_full_width_and_invisible_characters() -> None:
    clear = clean("捐\u200b款１２．５％　ＳＫ\ufeff集团")
    assert clear.text == "捐款12．5%\u3000SK集团"
    assert clear.raw_range(0, 2) == (0, 3)
    assert clear.raw_range(8, 12) == (9, 14)
    assert clear.clean_range(9, 14) == (8, 12)


def test_punctuation_beside_chinese() -> None:
    raw = "在A县,B县(西部)捐1,200元;Inc.(US), a?!县・x,y"
    clear = clean(raw)
    assert clear.text == "在A县，B县（西部）捐1,200元；Inc.(US), a？！县·x,y"
    assert len(clear.text) == len(raw)


def test_traditional_characters() -> None:
    raw = "臺灣與後來的慈善總會，乾隆年間在乾縣設義診，據瞭解瞭望塔在陜西，乾旱時發餅乾"
    clear = clean(raw)
    assert clear.text == "台湾与后来的慈善总会，乾隆年间在乾县设义诊，据了解瞭望塔在陕西，干旱时发饼干"
    assert len(clear.text) == len(raw)


def test_readings_in_brackets() -> None:
    raw = "幫(bāng)扶隊進(jìn)山，達(dá)州市民政局（yī）孩子們(men)长(cháng)大"
    clear = clean(raw)
    assert clear.text == "帮扶队进山，达州市民政局（yī）孩子们长大"
    start = clear.text.index("达州市民政局")
    # inside a span a bracket stays, behind its last character it is outside
    assert raw[slice(*clear.raw_range(start, start + 1))] == "達"
    assert raw[slice(*clear.raw_range(start, start + 6))] == "達(dá)州市民政局"
    assert clear.clean_range(raw.index("達"), raw.index("（")) == (start, start + 6)
    assert clean("紅十字會(huì )總會( huì\u3000)捐(juān\xa0)款").text == "红十字会总会捐款"


@pytest.mark.parametrize("text", ["银行（ATM）", "一（ok）", "县(xian1)", "发(shōu)", "(fā)", "村 (cūn)", "发(fā展"])
def test_brackets_that_are_no_reading_stay(text: str) -> None:
    assert len(clean(text).text) == len(text)


def test_accents_are_composed() -> None:
    raw = "进(ji\u0300n)行，Cafe\u0301捐一元m\u0308\u0301"
    clear = clean(raw)
    assert clear.text == "进行，Café捐一元m\u0308\u0301"
    start = clear.text.index("Café")
    assert raw[slice(*clear.raw_range(start, start + 4))] == "Cafe\u0301"


WRAPPED = """县慈善会成立十年来，一直把助学当作头等大事，每年秋天都要把助
学金送到山里去。去年秋天，会长带着三名工作人员走了四天，把钱
交到一百二十名学生手里。
今年的名单已经公布：
"""


def test_lines_are_joined_inside_sentences() -> None:
    assert clean(WRAPPED).text == (
        "县慈善会成立十年来，一直把助学当作头等大事，每年秋天都要把助学金送到山里去。去年秋天，会长带着三名工作人员走了四天，把钱"
        "交到一百二十名学生手里。\n今年的名单已经公布：\n"
    )
    clear = clean(WRAPPED)
    start = clear.text.index("助学金")
    assert WRAPPED[slice(*clear.raw_range(start, start + 3))] == "助\n学金"
    assert clean("向县残联\n、县妇联捐款，\n用于助学").text == "向县残联、县妇联捐款，用于助学"


@pytest.mark.parametrize(
    "text",
    [
        "捐赠名单\n甲县慈善会 5万元\n乙县慈善会 3万元\n丙县慈善会 2万元",  # short lines
        "江苏省南京市某某某某某建设集团股份有限公司\n江苏省苏州市某某某某某纺织集团股份有限公司\n江苏省无锡市某某某某某乳业集团股份有限公司",
        "标题在这里\n\n正文从这里开始，一直写到那边也没有写完，后来又写了一些，\n\n还有一段",
        "一、" + "助学，" * 12 + "\n二、" + "助医，" * 12 + "\n三、" + "助困。" * 12,
        "项目\t金额，万元\n助学\t5\n助医\t6",
    ],
)
def test_lists_headings_and_rows_stay_apart(text: str) -> None:
    assert clean(text).text.count("\n") == text.count("\n")


def test_tables_agree_with_their_sources() -> None:
    opencc = pytest.importorskip("opencc", reason="needs the extra 'train'")
    pypinyin = pytest.importorskip("pypinyin", reason="needs the extra 'train'")
    convert = opencc.OpenCC("t2s").convert
    assert all(convert(chr(code)) == simple for code, simple in characters.simplified().items())
    text = "会东县发展长重行乐的了们一不达省银"
    for char in text:
        for reading in pypinyin.pinyin(char, heteronym=True)[0]:
            assert readings.is_reading(char, reading)
    assert not readings.is_reading("县", "fā") and not readings.is_reading("a", "a")


@given(any_text)
@example("0\x0c%")
def test_the_map_is_exact(raw: str) -> None:
    assert_exact(clean(raw), raw)
    with pytest.MonkeyPatch.context() as patch:
        # what a character of garbled text is read as hangs on all the others; test_shifted_bytes.py looks at those
        patch.setattr(shifted_bytes, "repairs", lambda text: [])
        clear = clean(raw)
        for index in range(len(clear.text)):
            alone = clean(raw[slice(*clear.raw_range(index, index + 1))]).text
            # what becomes of ASCII punctuation and of a line break hangs on their neighbours
            assert clear.text[index] in (alone, alone.translate(str.maketrans(",;:?!()\n", "，；：？！（） ")))


@given(any_text)
def test_cleaning_twice_is_cleaning_once(raw: str) -> None:
    once = clean(raw).text
    assert clean(once).text == once


@settings(deadline=None)
@given(any_text | st.text(st.sampled_from("县志愿9A（yī）\u3000發發泗洪，,。\n鑫e\u0301"), max_size=12))
def test_what_is_passed_over_would_not_change(raw: str) -> None:
    clear = clean(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleaning, "_CHANGED", re.compile(""))
        patch.setattr(characters, "_TRANSLATED", re.compile(""))
        patch.setattr(characters, "traditional", lambda: re.compile(""))
        whole = clean(raw)
    assert clear.text == whole.text
    assert clear.starts.tolist() == whole.starts.tolist() and clear.ends.tolist() == whole.ends.tolist()


GARBLED = "縣慈善總會的活動通過網絡捐款捐贈物資，已經發放"


def gbk_late(text: str) -> str:
    """What is read of a text whose first byte was lost."""
    return text.encode("gbk", "ignore")[1:].decode("gbk", "replace").replace("\ufffd", "?")


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["泗洪、睢宁三县新增", "邹城市峄山｜8万元", "活動通過縣慈善會", "？", "?", "A", "扶貧", " ", "粿，"]
        )
        | st.tuples(st.integers(0, 14), st.integers(2, 8)).map(lambda cut: gbk_late(GARBLED[cut[0] : sum(cut)])),
        max_size=8,
    ).map("".join)
)
def test_what_stands_by_the_bound_stands_by_the_search(text: str) -> None:
    for start, end in shifted_bytes._windows(text):
        if shifted_bytes._stands(text, start, end):
            assert not shifted_bytes._Stretch(text, start, end).repairs()


@given(any_text, st.data())
def test_raw_ranges_come_back(raw: str, data: st.DataObject) -> None:
    clear = clean(raw)
    if clear.text:
        start = data.draw(st.integers(0, len(clear.text) - 1))
        end = data.draw(st.integers(start + 1, len(clear.text)))
        assert clear.clean_range(*clear.raw_range(start, end)) == (start, end)


def test_a_long_text_without_a_line_break_takes_no_longer_than_others() -> None:
    text = "临江市民政局向青山镇敬老院捐赠大米三十袋，" * 10_000
    began = time.process_time()
    assert clean(text).text == text
    assert time.process_time() - began < 20  # seconds; it was ten minutes where each character was tried as a beginning
