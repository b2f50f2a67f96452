"""HanLP 2.1: words, parts of speech by CTB and names by MSRA of its small multi-task model.

Never run on its weights, which have to be downloaded: written from documentation and source of hanlp 2.1.7, whose
steps behind the network were tried on tags made by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

NAME = "HanLP small"
PACKAGE = "hanlp"
LABELS = {
    "ORGANIZATION": "ORG",
    "LOCATION": "LOC",
    **dict.fromkeys(("MONEY", "WEIGHT", "LENGTH", "AREA", "CAPACITY", "MEASURE"), "AMOUNT"),
}
NUMBERS = ["CD", "M"]
_WORDS, _TAGS, _NAMES = "tok/fine", "pos/ctb", "ner/msra"
# sentence by sentence, and no longer than the positions of its encoder
_PIECE = re.compile(r"[^。！？\n]{1,400}[。！？\n]*|[。！？\n]+")


def load() -> Callable[[str], list[tuple[int, int, str]]]:
    """The model; ImportError where hanlp is missing, and errors of many kinds where its weights are."""
    import hanlp

    model: Any = hanlp.load(hanlp.pretrained.mtl.CLOSE_TOK_POS_NER_SRL_DEP_SDP_CON_ELECTRA_SMALL_ZH)
    # [word, start, end] in the place of the word: spaces are in no word
    model[_WORDS].config.output_spans = True

    def find(text: str) -> list[tuple[int, int, str]]:
        pieces = [match for match in _PIECE.finditer(text) if match.group().strip()]
        if not pieces:
            return []
        found = model([match.group() for match in pieces], tasks=[_WORDS, _TAGS, _NAMES])
        marks = []
        for match, words, tags, names in zip(  # noqa: B905 - Python 3.7 knows no strict
            pieces, found[_WORDS], found[_TAGS], found[_NAMES]
        ):
            places = [(match.start() + start, match.start() + end) for _, start, end in words]
            marks += [(*place, tag) for place, tag in zip(places, tags)]  # noqa: B905
            # a name is (text, label, first word, word behind the last)
            marks += [(places[first][0], places[stop - 1][1], label) for _, label, first, stop in names]
        return marks

    return find
