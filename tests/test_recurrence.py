"""Names that are sure in one place of an article are found again in others, and nothing else changes."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as some

from bangfu.inference.decoding import TokenSpan, decode
from bangfu.inference.recurrence import BONUS, HELD, SURE, recurring
from bangfu.inference.tokens import Tokens
from bangfu.labels.schema import TAGS

Scores = npt.NDArray[np.float32]


def _tokens(text: str) -> Tokens:
    places = np.arange(len(text), dtype=np.int32)
    return Tokens(np.array([ord(character) for character in text], dtype=np.int64), places, places + 1)


def _scores(text: str, *spans: tuple[int, int, str, float], rest: float = 3.0) -> Scores:
    """Every tag at 0, but O at ``rest`` and those of the spans at what each says."""
    scores = np.zeros((len(text), len(TAGS)), dtype=np.float32)
    scores[:, 0] = rest
    for start, stop, label, height in spans:
        tag = TAGS.index(f"B-{label}")
        scores[start, tag] = height
        scores[start + 1 : stop, tag + 1] = height
    return scores


def _found(text: str, scores: Scores) -> list[tuple[str, str]]:
    again = recurring(text, _tokens(text), scores, decode(scores))
    return [(text[span.start : span.stop], span.label) for span in decode(scores if again is None else again)]


def test_a_place_is_found_by_its_levels_and_without_its_unit() -> None:
    text = "甘州理塘县来客。情牵理塘，又到理塘县、甘州"
    assert _found(text, _scores(text, (0, 5, "LOC", 12))) == [
        ("甘州理塘县", "LOC"),
        ("理塘", "LOC"),
        ("理塘县", "LOC"),
    ]  # 甘州 has two characters only, and 甘 alone is no name to look for
    text = "爱满理塘，理塘慈善会募捐，会在理塘"
    sure = (5, 10, "ORG", 12)
    assert _found(text, _scores(text, sure)) == [("理塘慈善会", "ORG")]  # a body's name has no levels
    text = "理塘慈善会。又见理塘慈善会"
    assert _found(text, _scores(text, (0, 5, "ORG", 12))) == [("理塘慈善会", "ORG")] * 2


def test_what_is_sure_stays() -> None:
    text = "平安县发粮。平安到家"
    assert _found(text, _scores(text, (0, 3, "LOC", 22), rest=11)) == [("平安县", "LOC")]  # no place, for all we raise
    text = "理塘县。理塘县民政局"
    assert _found(text, _scores(text, (0, 3, "LOC", 12), (4, 10, "ORG", 12))) == [
        ("理塘县", "LOC"),
        ("理塘县民政局", "ORG"),
    ]
    for label in ("AMOUNT", "AID"):  # these are not names
        text = "助学。助学"
        assert _found(text, _scores(text, (0, 2, label, 12))) == [("助学", label)]
    for text in ("", "县"):
        assert recurring(text, _tokens(text), _scores(text), []) is None


def test_characters_that_a_vocabulary_lacks_are_not_one() -> None:
    text = "到䶮州市。又到𬞟州市，又到䶮州市"
    tokens = _tokens(text)
    lacking = Tokens(np.where(np.isin(list(text), ["䶮", "𬞟"]), 0, tokens.ids), tokens.starts, tokens.ends)
    scores = _scores(text, (1, 4, "LOC", 12))
    again = recurring(text, lacking, scores, decode(scores))
    assert again is not None
    assert [(span.start, span.stop) for span in decode(again)] == [(1, 4), (13, 16)]


def test_an_unsure_reading_gives_way() -> None:
    text = "理塘县。情牵理塘"
    scores = _scores(text, (0, 3, "LOC", 12), (4, 8, "LOC", 4))
    assert decode(scores)[1].confidence < HELD and decode(scores)[1].start == 4
    assert _found(text, scores) == [("理塘县", "LOC"), ("情牵", "LOC"), ("理塘", "LOC")]


@given(some.text("甲乙县", max_size=14), some.data())
def test_only_mentions_of_sure_names_are_raised(text: str, data: some.DataObject) -> None:
    spans, start = [], 0
    while start < len(text):
        start = data.draw(some.integers(start, len(text)))
        stop = min(len(text), start + data.draw(some.integers(1, 4)))
        label = data.draw(some.sampled_from(["ORG", "LOC", "AID"]))
        if start < stop:
            spans.append(TokenSpan(start, stop, label, data.draw(some.sampled_from([0.5, HELD, SURE]))))
        start = stop
    scores = _scores(text)
    names: dict[str, set[str]] = {}
    for span in spans:
        name = text[span.start : span.stop]
        if span.confidence < SURE or span.label == "AID":
            continue
        names.setdefault(name, set()).add(span.label)
        if span.label == "LOC":
            begin = 0
            for number in range(1, len(name)):
                if name[number] == "县":
                    level, begin = name[begin : number + 1], number + 1
                    if len(level) > 2:
                        names.setdefault(level, set()).add("LOC")
                        names.setdefault(level[:-1], set()).add("LOC")
    held = {place for span in spans if span.confidence >= HELD for place in range(span.start, span.stop)}
    raised = recurring(text, _tokens(text), scores, spans)
    changed = np.zeros_like(scores) if raised is None else raised - scores
    place = 0
    while place < len(text):
        free = [
            name
            for name in names
            if len(name) > 1 and text.startswith(name, place) and not held & set(range(place, place + len(name)))
        ]
        if not free:
            assert not changed[place].any()
            place += 1
            continue
        name = max(free, key=len)
        (tag,) = np.flatnonzero(changed[place])
        assert TAGS[tag][2:] in names[name]
        expected = np.zeros((len(name), len(TAGS)))
        expected[0, tag] = expected[1:, tag + 1] = BONUS
        assert (changed[place : place + len(name)] == expected).all()
        place += len(name)
