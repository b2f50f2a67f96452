"""jieba's part-of-speech tagger. Tested with jieba 0.42.1."""

from __future__ import annotations

from collections.abc import Callable

NAME = "jieba"
PACKAGE = "jieba"
LABELS = {"ns": "LOC", "nt": "ORG"}
NUMBERS = ["m", "q"]
DATA = ["jieba"]


def load() -> Callable[[str], list[tuple[int, int, str]]]:
    """The tagger; ImportError where jieba is missing."""
    import jieba.posseg

    def find(text: str) -> list[tuple[int, int, str]]:
        marks, at = [], 0
        for word, tag in jieba.posseg.cut(text):
            # digits in front of a measure word are often left without a tag
            marks.append((at, at + len(word), "m" if word.isdigit() else tag))
            at += len(word)
        return marks

    return find
