"""GLiNER, asked for our labels by name. Not tested: its weights (2024, multilingual) have to be downloaded."""

from __future__ import annotations

import re
from collections.abc import Callable

NAME = "GLiNER multi-v2.1"
PACKAGE = "gliner"
LABELS = {"organization": "ORG", "location": "LOC", "amount": "AMOUNT", "kind of aid": "AID"}
NUMBERS: list[str] = []


def load() -> Callable[[str], list[tuple[int, int, str]]]:
    """The model; ImportError where gliner is missing."""
    from gliner import GLiNER

    model = GLiNER.from_pretrained("urchade/gliner_multi-v2.1")

    def find(text: str) -> list[tuple[int, int, str]]:
        marks = []
        # sentence by sentence, for what is too long is cut off
        for match in re.finditer(r"[^。！？\n]+[。！？\n]*", text):
            for entity in model.predict_entities(match.group(), list(LABELS), threshold=0.5):
                start = match.start()
                marks.append((start + entity["start"], start + entity["end"], entity["label"]))
        return marks

    return find
