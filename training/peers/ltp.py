"""LTP 4 of HIT: words, parts of speech by 863 and names of its small model.

Never run on its weights, which have to be downloaded: written from documentation and source of ltp 4.2.14, whose
pipeline was tried on random weights. It needs transformers below 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable

NAME = "LTP small"
PACKAGE = "ltp"
LABELS = {"Ni": "ORG", "Ns": "LOC"}
NUMBERS = ["m", "q"]
# sentence by sentence, for what is beyond 510 tokens is cut off
_PIECE = re.compile(r"[^。！？\n]{1,400}[。！？\n]*|[。！？\n]+")


def load() -> Callable[[str], list[tuple[int, int, str]]]:
    """The model; ImportError where ltp is missing, and errors of the hub where its weights are."""
    from ltp import LTP

    model = LTP("LTP/small")

    def find(text: str) -> list[tuple[int, int, str]]:
        pieces = [match for match in _PIECE.finditer(text) if match.group().strip()]
        if not pieces:
            return []
        found = model.pipeline([match.group() for match in pieces], tasks=["cws", "pos", "ner"])
        marks = []
        for match, words, tags, names in zip(  # noqa: B905 - Python 3.7 knows no strict
            pieces, found.cws, found.pos, found.ner
        ):
            places, at = [], match.start()
            for word in words:
                start = text.index(word, at)
                at = start + len(word)
                places.append((start, start + len(word.rstrip())))  # a word ends where the next one begins
            marks += [(*place, tag) for place, tag in zip(places, tags)]  # noqa: B905
            # a name is (label, text, first word, last word)
            marks += [(places[first][0], places[last][1], label) for label, _, first, last in names]
        return marks

    return find
