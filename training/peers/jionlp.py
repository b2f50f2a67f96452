"""jionlp: its own finder of money, and the words of jiojio, by which it finds places. Tested with jionlp 1.5.31."""

from __future__ import annotations

from collections.abc import Callable

NAME = "jionlp"
PACKAGE = "jionlp"
LABELS = {"ns": "LOC", "nt": "ORG", "money": "AMOUNT"}
NUMBERS = ["m", "q"]
DATA = ["jionlp/dictionary", "jiojio/models", "jiojio/dictionary"]


def load() -> Callable[[str], list[tuple[int, int, str]]]:
    """The tagger; ImportError where jionlp is missing."""
    import jiojio
    import jionlp

    jiojio.init(pos_rule=True, pos=True)

    def find(text: str) -> list[tuple[int, int, str]]:
        marks, at = [], 0
        for word, tag in jiojio.cut(text) if text else []:
            start = text.index(word, at)
            at = start + len(word)
            marks.append((start, at, tag))
        money = [(*entity["offset"], "money") for entity in jionlp.ner.extract_money(text, with_parsing=False)]
        return marks + money

    return find
