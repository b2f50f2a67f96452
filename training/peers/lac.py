"""LAC 2.1 of Baidu: words, parts of speech and names. Tested with LAC 2.1.2 and paddlepaddle 2.6.2."""

from __future__ import annotations

import sys
from collections.abc import Callable

NAME = "LAC"
PACKAGE = "LAC"
LABELS = {"ORG": "ORG", "LOC": "LOC"}
NUMBERS = ["m", "q"]


def load() -> Callable[[str], list[tuple[int, int, str]]]:
    """The tagger; ImportError where LAC or paddle is missing."""
    try:
        import paddle.fluid
    except ModuleNotFoundError:
        # LAC asks for a module that paddle has called otherwise since 2.5
        import paddle.base
        import paddle.base.core

        sys.modules["paddle.fluid"], sys.modules["paddle.fluid.core"] = paddle.base, paddle.base.core
    from LAC import LAC

    tagger = LAC(mode="lac")

    def find(text: str) -> list[tuple[int, int, str]]:
        marks, at = [], 0
        # line by line: LAC was made for sentences
        for line in text.splitlines(keepends=True):
            words, tags = tagger.run(line) if line.strip() else ([line], ["w"])
            for word, tag in zip(words, tags):  # noqa: B905 - Python 3.7 knows no strict
                marks.append((at, at + len(word), tag))
                at += len(word)
        if at != len(text):
            raise RuntimeError(f"LAC's words have {at} characters, the text {len(text)}")
        return marks

    return find
