"""Cleaning: what it changes, and that the way back is exact."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bangfu.inference.cleaning import clean

any_text = st.text(st.characters(codec=None), max_size=40) | st.text(
    st.sampled_from("捐１２３ａＺ％，,;(?・\u200b\ufeff\u3000\xa0\x00\x0c\r\n\ud800𠮷\U000e0001"), max_size=40
)


def test_full_width_and_invisible_characters() -> None:
    clear = clean("捐\u200b款１２．５％　ＳＫ\ufeff集团")
    assert clear.text == "捐款12．5% SK集团"
    assert clear.raw_range(0, 2) == (0, 3)
    assert clear.raw_range(8, 12) == (9, 14)
    assert clear.clean_range(9, 14) == (8, 12)


def test_punctuation_beside_chinese() -> None:
    raw = "在A县,B县(西部)捐1,200元;Inc.(US), a?!县・x,y"
    clear = clean(raw)
    assert clear.text == "在A县，B县（西部）捐1,200元；Inc.(US), a？！县·x,y"
    assert len(clear.text) == len(raw)


@given(any_text)
def test_the_map_is_exact(raw: str) -> None:
    clear = clean(raw)
    assert len(clear.text) == len(clear.starts) == len(clear.ends)
    assert (np.diff(clear.starts) > 0).all() and (clear.starts < clear.ends).all()
    assert (clear.ends[:-1] <= clear.starts[1:]).all() and (clear.ends <= len(raw)).all()
    clear.text.encode("utf-8")
    for index in range(len(clear.text)):
        alone = clean(raw[slice(*clear.raw_range(index, index + 1))]).text
        # what becomes of ASCII punctuation hangs on its neighbours
        assert clear.text[index] in (alone, alone.translate(str.maketrans(",;:?!()", "，；：？！（）")))


@given(any_text)
def test_cleaning_twice_is_cleaning_once(raw: str) -> None:
    once = clean(raw).text
    assert clean(once).text == once


@given(any_text, st.data())
def test_raw_ranges_come_back(raw: str, data: st.DataObject) -> None:
    clear = clean(raw)
    if clear.text:
        start = data.draw(st.integers(0, len(clear.text) - 1))
        end = data.draw(st.integers(start + 1, len(clear.text)))
        assert clear.clean_range(*clear.raw_range(start, end)) == (start, end)
