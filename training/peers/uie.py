"""UIE of PaddleNLP, asked for our labels in Chinese. Not tested: its weights have to be downloaded."""

from __future__ import annotations

import re
from collections.abc import Callable

NAME = "UIE base"
PACKAGE = "paddlenlp"
LABELS = {"机构": "ORG", "地点": "LOC", "数量": "AMOUNT", "帮扶类型": "AID"}
NUMBERS: list[str] = []


def load() -> Callable[[str], list[tuple[int, int, str]]]:
    """The model; ImportError where paddlenlp is missing."""
    from paddlenlp import Taskflow

    model = Taskflow("information_extraction", schema=list(LABELS), model="uie-base")

    def find(text: str) -> list[tuple[int, int, str]]:
        marks = []
        for match in re.finditer(r"[^。！？\n]+[。！？\n]*", text):
            (found,) = model(match.group())
            for label, entities in found.items():
                start = match.start()
                marks += [(start + entity["start"], start + entity["end"], label) for entity in entities]
        return marks

    return find
