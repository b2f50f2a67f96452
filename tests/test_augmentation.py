"""Augmentation: whatever a transform does, spans and links are carried exactly."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("opencc", reason="needs the extra 'train'")

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import documents

from bangfu.labels import Document, Link, Span, read
from bangfu.training import known_names, names, noise
from bangfu.training.amounts import chinese, reroll
from bangfu.training.augmentation import TRANSFORMS, Augmenter
from bangfu.training.augmentation_config import AugmentationConfig
from bangfu.training.gazetteer import gazetteer, short
from bangfu.training.rewriting import Cell, cells, replace_spans, rewrite

CORPUS = Path(__file__).parents[1] / "labels" / "corpus"
ALL = AugmentationConfig(**dict.fromkeys(TRANSFORMS, 1.0))


def _document(text: str, *marks: tuple[str, str]) -> Document:
    spans, position = [], 0
    for label, part in marks:
        start = text.index(part, position)
        position = start + len(part)
        spans.append(Span(start, position, label))
    return Document("a", text, tuple(spans))


@pytest.mark.parametrize("name", TRANSFORMS)
@settings(deadline=None)  # the first call loads the tables of characters
@given(document=documents(), seed=st.integers(0, 1000))
def test_no_span_is_lost_and_order_is_kept(name: str, document: Document, seed: int) -> None:
    changed = TRANSFORMS[name](document, np.random.default_rng(seed))  # type: ignore[index]
    assert [span.label for span in changed.spans] == [span.label for span in document.spans]
    assert changed.links == document.links
    before = sorted(range(len(document.spans)), key=lambda number: document.spans[number])
    assert before == sorted(range(len(changed.spans)), key=lambda number: changed.spans[number])


@given(document=documents(), data=st.data())
def test_the_text_of_a_span_is_what_the_cells_make_of_it(document: Document, data: st.DataObject) -> None:
    parts = st.text(alphabet="甲乙()a", max_size=3)
    changed = [
        Cell(data.draw(st.text(alphabet="甲乙()a", min_size=1, max_size=3)), data.draw(parts)) for _ in document.text
    ]
    result = rewrite(document, changed, "前", "后")
    for old, new in zip(document.spans, result.spans, strict=True):
        own = changed[old.start : old.end]
        assert result.span_text(new) == "".join(cell.main + cell.tail for cell in own[:-1]) + own[-1].main
    assert result.text == "前" + "".join(cell.main + cell.tail for cell in changed) + "后"


def test_all_transforms_together_on_the_corpus() -> None:
    augmenter = Augmenter(ALL, seed=3)
    originals = read(CORPUS / "dev.jsonl")
    variants = augmenter(originals, epoch=0)
    garbled = spans = 0
    for old, new in zip(originals, variants, strict=True):
        assert [span.label for span in new.spans] == [span.label for span in old.spans] and new.links == old.links
        # what no transform of names or numbers touches is the old text, written otherwise
        for before, after in zip(old.spans, new.spans, strict=True):
            if before.label == "AID" and "?" not in new.span_text(after):
                plain = re.sub(r"\([^()]*\)", "", new.span_text(after))
                wanted = "".join(noise._traditional_char(char) for char in old.span_text(before))
                garbled += plain not in (wanted, noise.full_width(_document(wanted), np.random.default_rng()).text)
                spans += 1
    assert spans > 200 and garbled < 0.03 * spans
    assert augmenter(originals, epoch=0) == variants != augmenter(originals, epoch=1)


def test_nothing_happens_at_rates_of_nought() -> None:
    originals = read(CORPUS / "dev.jsonl")[:5]
    assert Augmenter(AugmentationConfig(), 1)(originals, 0) == originals


def test_the_bracket_behind_a_span_stays_outside() -> None:
    document = _document("由会东县发", ("LOC", "会东县"))
    every = [Cell(char, f"({noise._reading(char)})") for char in document.text]
    changed = rewrite(document, every)
    assert (
        changed.text == "由(yóu)会(huì)东(dōng)县(xiàn)发(fā)"
        and changed.span_text(changed.spans[0]) == "会(huì)东(dōng)县"
    )


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name not in ("names", "amounts", "full_width")])
def test_noise_leaves_the_edges_of_spans_alone(name: str) -> None:
    """A bracket, a '?' or a line break at the edge of a span would be taught as part of a name."""
    for document in read(CORPUS / "dev.jsonl"):
        changed = TRANSFORMS[name](document, np.random.default_rng(7))  # type: ignore[index]
        for old, new in zip(document.spans, changed.spans, strict=True):
            before, after = document.span_text(old), changed.span_text(new)
            assert all(
                noise._traditional_char(before[at]) in (after[at], noise._traditional_char(after[at])) for at in (0, -1)
            )


def test_known_conversions() -> None:
    document = _document("达州市进一步发展", ("LOC", "达州市"))
    assert noise.traditional(document, np.random.default_rng()).text == "達州市進一步發展"
    # the example of a lost byte: 。活動通過 read from its second byte
    assert noise.shifted("。活動通過")[1:] == "顒油ㄟ^"
    wide = noise.full_width(_document("捐款1200元，占5%", ("AMOUNT", "1200元")), np.random.default_rng())
    assert wide.span_text(wide.spans[0]) == "１２００元" and wide.text.endswith("５％")


def test_a_lone_surrogate_has_no_other_form() -> None:
    assert noise.traditional(_document("发\ud800展\udfff"), np.random.default_rng()).text == "發\ud800展\udfff"


@given(st.integers(0, 10**8 - 1))
def test_chinese_numerals_read_back(number: int) -> None:
    def value(text: str) -> int:
        high, ten_thousand, low = text.rpartition("万")
        if ten_thousand:
            return value(high) * 10_000 + value(low)
        total, digit = 0, 0
        for char in text:
            if char in "十百千":
                total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[char]
                digit = 0
            elif char:
                digit = "零一二三四五六七八九".index(char)
        return total + digit

    assert value(chinese(number)) == number


def test_ten_has_its_one_behind_ten_thousands() -> None:
    assert [chinese(number) for number in (100_010, 20_015, 11, 110_000, 21_000, 1_010)] == [
        *("十万零一十", "二万零一十五", "十一", "十一万", "二万一千", "一千零一十")
    ]


@pytest.mark.parametrize(
    "old", ["5.5万元", "1,200元", "138.6万余元", "2000元", "300万美元", "28人次", "四十三万五千元", "0.8亿元"]
)
def test_an_amount_stays_an_amount_of_its_unit(old: str) -> None:
    random = np.random.default_rng(5)
    drawn = {reroll(old, random) for _ in range(50)}
    unit = re.sub(r"^[\d.,一二三四五六七八九十百千万亿零余]+", "", old)
    assert len(drawn) >= 5 and all(new is not None and new.endswith(unit) and len(new) > len(unit) for new in drawn)
    assert not any(re.match(r"0\d", new or "") for new in drawn)


@pytest.mark.parametrize("old", ["第三届", "两所", "若干", "数百名", "二十几户", ""])
def test_what_is_not_understood_is_left_alone(old: str) -> None:
    assert reroll(old, np.random.default_rng(1)) is None


def test_names_are_of_the_kind_of_the_old_one() -> None:
    random = np.random.default_rng(2)
    provinces = set(gazetteer().provinces)
    drawn = {names.place("贵州省", random) for _ in range(40)}
    assert drawn & provinces and drawn <= provinces | set(map(short, provinces))
    counties = {county for *_, county in gazetteer().counties}
    drawn = {names.place("凤冈县", random) for _ in range(40)}
    assert drawn & counties and drawn - counties and drawn <= counties | set(map(short, counties))
    towns = [names.place("绥阳镇", random) or "" for _ in range(40)]
    assert 0 < sum(not town.endswith("镇") for town in towns) < 20
    companies = [names.body("某某食品有限公司", random) or "" for _ in range(40)]
    assert sum("公司" in name or "集团" in name for name in companies) > 25
    assert all((names.body("市民政局", random) or "")[0] == "市" for _ in range(20))
    for old, ending in (
        ("会理县委", "委"),
        ("凤冈县人民政府", "政府"),
        ("建设银行凤冈支行", "(分行|支行|公司)"),
        ("凤冈县敬老院", "[院站心寓]"),
    ):
        drawn = {names.body(old, random) or "" for _ in range(20)} - {""} - set(known_names.bodies())
        assert drawn and all(re.search(ending + "$", new) for new in drawn), old
    assert names.place("长江沿岸某处", random) is None and names.body("全国妇联的某一部门", random) is None


def test_short_names_become_short_names_of_real_places_and_bodies() -> None:
    random = np.random.default_rng(3)
    places = {names.place("长江", random) or "" for _ in range(60)}
    assert places & set(known_names.regions()) and places & {short(name) for *_, name in gazetteer().counties}
    chains = {short(one) + short(other) for one in gazetteer().provinces for *_, other in gazetteer().counties}
    assert {names.place("甘肃康乐", random) for _ in range(20)} <= chains
    assert {names.body("双驰实业", random) for _ in range(20)} <= set(known_names.bodies())
    names_of_companies = {names.body("某某食品有限公司", random) for _ in range(100)}
    assert 5 < len(names_of_companies & set(known_names.bodies())) < 35


def test_lists_of_names_hold_each_once_and_nothing_else() -> None:
    names = [
        name
        for file in known_names.FILES
        for line in file.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
        for name in line.split()
    ]
    assert len(names) == len(set(names)) == len(known_names.bodies()) + len(known_names.regions())
    for name in names:
        assert re.fullmatch("[一-龥A-Z（）—·]{2,14}", name), name
    # what the guidelines leave outside of a place
    assert not [
        name for name in known_names.regions() if re.search("(流域|老区|[南北]麓|[南北]坡|片区|经济[圈带])$", name)
    ]
    assert short("凤冈县") == "凤冈" and short("恩施土家族苗族自治州") == "恩施" and short("礼县") == "礼县"


def test_a_name_is_changed_everywhere_at_once() -> None:
    document = _document("凤冈县来了。凤冈县走了。", ("LOC", "凤冈县"), ("LOC", "凤冈县"))
    document = Document(document.id, document.text, document.spans, ())
    for seed in range(20):
        changed = TRANSFORMS["names"](document, np.random.default_rng(seed))
        assert len({changed.span_text(span) for span in changed.spans}) == 1


def test_places_that_touch_are_not_made_a_chain() -> None:
    text = "凤冈县洛川县，后来凤冈县和会泽县"
    document = _document(text, *(("LOC", name) for name in re.findall("..县", text.replace("后来", ""))))
    drawn = [TRANSFORMS["names"](document, np.random.default_rng(seed)).text for seed in range(20)]
    assert all(new.startswith("凤冈县洛川县，后来凤冈县和") for new in drawn) and len(set(drawn)) > 5
    document = _document("到了天津。天津市商会来了。走了", ("LOC", "天津"), ("ORG", "天津市商会"))
    drawn = [noise.lost_stops(document, np.random.default_rng(seed)).text for seed in range(20)]
    assert all(new.startswith("到了天津。天津市商会来了") for new in drawn) and len(set(drawn)) == 3


@pytest.mark.parametrize("where", ["天镇", "固镇", "清镇", "汝州", "象州", "阿里地区"])
def test_a_short_name_does_not_tell_the_level(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    monkeypatch.setattr(names, "_where", lambda _: where)
    for old in ("会理县委", "凤冈县人民政府", "凤冈县委宣传部"):
        assert names.body(old, random) is None
    monkeypatch.setattr(names, "_where", lambda _: "天镇县")
    assert names.body("会理县委", random) == "天镇县委"


@pytest.mark.parametrize("old", ["镇江市教育局", "镇平民政局", "市中区民政局"])
def test_a_place_that_begins_like_a_level_is_a_place(old: str) -> None:
    random = np.random.default_rng(4)
    drawn = {names.body(old, random) or "" for _ in range(20)}
    assert not {name[1:] for name in drawn if name[0] == old[0]} & set(names._OFFICES)


def test_a_replaced_span_of_one_character() -> None:
    document = Document("a", "川渝捐3万元", (Span(0, 1, "LOC"), Span(3, 6, "AMOUNT")), (Link(1, 0, "giver"),))
    changed = replace_spans(document, {0: "四川", 1: "九"})
    assert changed.text == "四川渝捐九" and [changed.span_text(span) for span in changed.spans] == ["四川", "九"]
    with pytest.raises(ValueError, match="would be empty"):
        replace_spans(document, {0: ""})
    with pytest.raises(ValueError, match="cells for a text"):
        rewrite(document, cells("短"))
