"""Repair of shifted bytes: what is repaired, what is left alone, and that the way back stays exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from maps import assert_exact

from bangfu.inference.bigrams import Bigrams
from bangfu.inference.cleaning import clean
from bangfu.inference.shifted_bytes import UNKNOWN, repairs

CLEAN = "福州市慈善总会联合十一家爱心企业，向定西市安定区捐赠资金，用于贫困大学生助学和大病救助。"


def late(text: str, lost: int, mark: str = "?") -> str:
    """What is read where the first byte of a character of a simplified text was lost."""
    read = text[lost:].encode("gbk")[1:].decode("gb18030", "replace")
    return text[:lost] + mark + "".join("?" if "\ue000" <= char <= "\uf8ff" else char for char in read)


GARBLED = [
    "?;顒油ㄟ^",
    "?yàn)樨毨У貐^(qū)",
    "當(dāng)?shù)禺a(chǎn)業",
    "n}會議",
    "l(fā)",
    "顒(yóng)",
    "貐^",
    "ㄟ",
    "毨",
]
OTHERS = ["合作", "專", "?", "A", "わ", "，", "(", "shù)", "\n", "\u200b", "\ue000"]
noisy = st.lists(
    st.sampled_from([*GARBLED, *OTHERS, late(CLEAN[:12], 3), late(CLEAN[:9], 5, "")]) | st.text(max_size=4),
    max_size=5,
).map("".join)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("捐贈儀式在縣城舉行?;顒油ㄟ^義賣籌款", "捐赠仪式在县城举行。活动通过义卖筹款"),
        ("今天召開n}會議", "今天召开专题会议"),
        ("?yàn)樨毨У貐^(qū)", "为贫困地区"),
        ("這裏是因?yàn)樨毨У貐^(qū)的學校", "这里是因为贫困地区的学校"),
        ("帶動當(dāng)?shù)禺a(chǎn)業發展", "带动当地产业发展"),
        # readings that were set behind characters of the rubbish go with it
        ("在縣城舉行?;顒(yóng)油(yóu)ㄟ^義賣", "在县城举行。活动通过义卖"),
    ],
)
def test_repairs(raw: str, text: str) -> None:
    assert clean(raw).text == text


def test_the_spaces_of_columns_stay_ideographic() -> None:
    text = "今天福州市慈善总会向甲县人民医院　丙县中心小学　丁县福利院捐赠资金，用于贫困大学生助学和大病救助。"
    clear = clean(late(text, 5))
    assert clear.text.count("\u3000") == 2 and "小学\u3000丁县福利院" in clear.text and " " not in clear.text


def test_characters_of_a_repair_come_from_where_their_second_bytes_are() -> None:
    raw = "縣城舉行?;顒油ㄟ^義賣"
    clear = clean(raw)
    start = clear.text.index("活动通过")
    assert raw[slice(*clear.raw_range(start, start + 4))] == "顒油ㄟ^"
    assert raw[slice(*clear.raw_range(start - 1, start))] == "?;"
    assert clear.clean_range(4, 10) == (start - 1, start + 4)


@pytest.mark.parametrize("mark", ["?", ""])
def test_a_long_run(mark: str) -> None:
    """All but characters of which bytes were lost come back, and what is not known is not made up."""
    text = clean(late(CLEAN, 5, mark)).text
    assert len(text) == len(CLEAN)
    assert all(one in (other, UNKNOWN) for one, other in zip(text, CLEAN, strict=True))
    assert text.startswith("福州市慈善总会联合十一家") and text.count(UNKNOWN) <= 9


@pytest.mark.parametrize(
    "text",
    [
        CLEAN,
        "这是真的吗?我不知道,为什么?当地有A股和T恤|打印[关闭]^_^",
        "わたしは学生です、カタカナもある。Привет, мир! 龘靐齉爩麤，李翀昇、郭珺、王翀三人",
        "幫(bāng)扶進(jìn)山(ok)，達(dá)州市民政局嗎?",
        "f(x)=file(s), ?word) ?a) x^2~3 `code` {a} ├──┤ ①②③",
        "顒",
        "貐",
        # a letter with two readings behind it
        "A(fā)(fa)",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert not repairs(text)


def test_a_letter_that_was_read_with_the_byte_before_it_is_not_parted_from_it() -> None:
    """Of 過A (DF5E 41) after a lost byte 5E41 is one character read; two cannot come from its place."""
    raw = "在縣城舉行活動" + "業務辦公A座".encode("gbk")[1:].decode("gbk", "replace")
    assert all(len(repair.text) <= repair.end - repair.start for repair in repairs(raw))


def test_the_model_tells_text_from_rubbish() -> None:
    model = Bigrams.shipped()

    def cost(text: str) -> float:
        numbers = model.numbers("\n" + text)
        return float(model.cost(numbers[:-1], numbers[1:]).sum())

    assert cost("。活动通过合作") + 40 < cost("?;颙油ㄟ^合作")
    assert cost("わたし") < cost("わ达し") and cost("2024年") < cost("2年024")
    # nothing costs less than certainty
    every = np.arange(len(model._costs))
    assert np.exp(-model.cost(every[:, None], every[None, :])[:, 7:].astype(float)).sum(1).max() < 1.3


@given(noisy)
@settings(deadline=None, max_examples=40)
def test_the_map_is_exact(raw: str) -> None:
    clear = clean(raw)
    assert_exact(clear, raw)
    for index in range(len(clear.text)):
        assert clear.clean_range(*clear.raw_range(index, index + 1)) == (index, index + 1)


@given(noisy)
@settings(deadline=None, max_examples=40)
def test_cleaning_twice_is_cleaning_once(raw: str) -> None:
    once = clean(raw).text
    assert clean(once).text == once


@given(noisy)
@settings(deadline=None, max_examples=40)
def test_repairs_stand_apart(raw: str) -> None:
    end = 0
    for repair in repairs(raw):
        assert end <= repair.start == repair.ranges[0][0] and repair.ranges[-1][1] <= repair.end <= len(raw)
        assert len(repair.text) == len(repair.ranges) > 0
        end = repair.end
