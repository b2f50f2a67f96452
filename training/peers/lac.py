"""LAC 2.1 of Baidu: words, parts of speech and names. Tested with LAC 2.1.2 and paddlepaddle 2.6.2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

NAME = "LAC"
PACKAGE = "LAC"
LABELS = {"ORG": "ORG", "LOC": "LOC"}
NUMBERS = ["m", "q"]


DATA = ["LAC/lac_model"]
_BATCH = 64  # lines; a few times as fast as one by one, and more is no faster


def _tagger() -> Any:
    try:
        import paddle.fluid
    except ModuleNotFoundError:
        # LAC asks for a module that paddle has called otherwise since 2.5
        import paddle.base
        import paddle.base.core

        sys.modules["paddle.fluid"], sys.modules["paddle.fluid.core"] = paddle.base, paddle.base.core
    from LAC import LAC

    return LAC(mode="lac")


def _marks(text: str, parts: list[tuple[list[str], list[str]]]) -> list[tuple[int, int, str]]:
    marks, at = [], 0
    for words, tags in parts:
        for word, tag in zip(words, tags):  # noqa: B905 - Python 3.7 knows no strict
            marks.append((at, at + len(word), tag))
            at += len(word)
    if at != len(text):
        raise RuntimeError(f"LAC's words have {at} characters, the text {len(text)}")
    return marks


def load() -> Callable[[str], list[tuple[int, int, str]]]:
    """The tagger; ImportError where LAC or paddle is missing."""
    tagger = _tagger()

    def find(text: str) -> list[tuple[int, int, str]]:
        # line by line: LAC was made for sentences
        lines = text.splitlines(keepends=True)
        return _marks(text, [tagger.run(line) if line.strip() else ([line], ["w"]) for line in lines])

    return find


def load_batches() -> Callable[[list[str]], list[list[tuple[int, int, str]]]]:
    """The tagger for many texts, whose lines it takes in batches; ImportError where LAC or paddle is missing."""
    tagger = _tagger()

    def find_all(texts: list[str]) -> list[list[tuple[int, int, str]]]:
        lines = [text.splitlines(keepends=True) for text in texts]
        full = [line for some in lines for line in some if line.strip()]
        batches = (tagger.run(full[start : start + _BATCH]) for start in range(0, len(full), _BATCH))
        parts = iter([part for batch in batches for part in batch])
        return [
            _marks(text, [next(parts) if line.strip() else ([line], ["w"]) for line in some])
            for text, some in zip(texts, lines)  # noqa: B905 - Python 3.7 knows no strict
        ]

    return find_all
