"""Known names are found where a model is in doubt, and nothing that is sure changes."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bangfu.inference.cleaning import clean
from bangfu.inference.decoding import decode
from bangfu.inference.lexicon import BONUS, Lexicon, lexicon, names
from bangfu.inference.tokens import Tokens
from bangfu.labels.document import Document, Span
from bangfu.labels.schema import TAGS
from bangfu.training.lexicon import clear

KNOWN = Lexicon.of({"甘州": "LOC", "甘州区": "LOC", "大甘州": "ORG", "青岚": "ORG", "SMG": "ORG", "𠮷野": "LOC"})


def _tokens(text: str) -> Tokens:
    places = np.arange(len(text), dtype=np.int32)
    return Tokens(np.array([ord(character) for character in text], dtype=np.int64), places, places + 1)


def _scores(text: str, **spans: float) -> npt.NDArray[np.float32]:
    # every tag at 0, but O at 3 and those of the spans at what each says
    scores = np.zeros((len(text), len(TAGS)), dtype=np.float32)
    scores[:, 0] = 3.0
    for name, height in spans.items():
        label, words = name.split("_")
        start = text.index(words)
        if label == "O":
            scores[start, 0] = height
            continue
        tag = TAGS.index(f"B-{label}")
        scores[start, tag] = height
        scores[start + 1 : start + len(words), tag + 1] = height
    return scores


def _found(text: str, scores: npt.NDArray[np.float32], known: Lexicon = KNOWN) -> list[tuple[str, str]]:
    higher = known.raised(text, _tokens(text), scores)
    return [(text[span.start : span.stop], span.label) for span in decode(scores if higher is None else higher)]


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        ("情牵甘州", {}, [("甘州", "LOC")]),
        ("到𠮷野甘州区去", {}, [("𠮷野", "LOC"), ("甘州区", "LOC")]),
        ("青岚捐给大甘州", {}, [("青岚", "ORG"), ("大甘州", "ORG")]),
        # a chain stays whole, and a body
        ("山南甘州区来人", {"LOC_山南甘州区": 4}, [("山南甘州区", "LOC")]),
        ("山南甘州学会", {"ORG_山南甘州学会": 4}, [("山南甘州学会", "ORG")]),
        # a span that ends too soon goes on
        ("在甘州区", {"LOC_甘州": 4}, [("甘州区", "LOC")]),
        # nor one whose first character the model doubts
        ("山南甘州区来人", {"LOC_山南甘州区": 4, "O_甘": 4.1}, [("山南甘州区", "LOC")]),
        # another label stays, even at the second character alone
        ("甘州之行", {"AID_甘州": 4}, [("甘州", "AID")]),
        ("甘州之行", {"AID_州之行": 4}, [("州之行", "AID")]),
        # the first of two that share a character
        ("大甘州区", {}, [("大甘州", "ORG")]),
        # words of letters are whole
        ("看SMG和ASMG、SMGX、SMG1", {}, [("SMG", "ORG")]),
        ("甘", {}, []),
        ("", {}, []),
    ],
)
def test_doubtful_names_are_found(text: str, spans: dict[str, float], expected: list[tuple[str, str]]) -> None:
    assert _found(text, _scores(text, **spans)) == expected


def test_what_is_far_from_a_name_stays() -> None:
    scores = _scores("情牵甘州")
    scores[:, 0] = BONUS + 0.1
    assert KNOWN.raised("情牵甘州", _tokens("情牵甘州"), scores) is None
    scores = _scores("情牵甘州区")
    scores[2, 0] = 2 * BONUS + 3  # the others are near, but the first is too far
    assert KNOWN.raised("情牵甘州区", _tokens("情牵甘州区"), scores) is None


def test_a_likelier_name_has_no_lower_score() -> None:
    text, confidence = "情牵甘州", []
    for more in np.arange(-2, 6, 0.1):
        scores = _scores(text, LOC_甘州=3 + more)
        higher = KNOWN.raised(text, _tokens(text), scores)
        confidence += [span.confidence for span in decode(scores if higher is None else higher)]
    assert len(confidence) == 80 and confidence == sorted(confidence)


def test_a_name_that_ends_inside_a_token_stays() -> None:
    tokens = Tokens(np.array([1, 2]), np.array([0, 1], dtype=np.int32), np.array([1, 3], dtype=np.int32))
    assert KNOWN.raised("甘州区", tokens, _scores("甘州")) is not None
    assert Lexicon.of({"甘州": "LOC"}).raised("甘州区", tokens, _scores("甘州")) is None


@given(some.text("甘州区大青岚𠮷野SMG", max_size=40))
def test_every_place_where_a_name_begins_is_seen(text: str) -> None:
    begins = KNOWN.begins(text)
    assert len(begins) == max(len(text), 1)
    for place in range(len(text)):
        if text.startswith(tuple(KNOWN.labels), place):
            assert begins[place]


def test_the_shipped_lexicon() -> None:
    labels = lexicon().labels
    assert {"织金": "LOC", "织金县": "LOC", "蒙古国": "LOC"}.items() <= labels.items()
    # names of counties that are words, too
    assert not {"合作", "资源", "互助", "和平"} & labels.keys()
    # a name is looked for in cleaned text
    assert [name for name in labels if clean(name).text != name] == []
    candidates = names()
    assert all(name in candidates[label] for name, label in labels.items())


def test_only_names_that_marks_do_not_speak_against() -> None:
    text = "资源在资源县，青岚在青岚。甘州、甘州"
    spans = [Span(3, 6, "LOC"), Span(7, 9, "ORG"), Span(10, 12, "LOC"), Span(13, 15, "LOC")]
    documents = [Document("a", text, tuple(spans), ())] * 3
    candidates = {
        "LOC": frozenset({"资源", "资源县", "青岚", "甘州", "武陵", "同名"}),
        "ORG": frozenset({"青岚", "同名", "云汇"}),
    }
    # 甘州 stands unmarked as often as marked, 同名 may be either
    assert clear(documents, candidates) == {"资源县": "LOC", "武陵": "LOC", "云汇": "ORG"}
    marked = [Document("b", "到甘州", (Span(1, 3, "LOC"),), ())] * 27
    assert clear([*documents, *marked], candidates)["甘州"] == "LOC"
