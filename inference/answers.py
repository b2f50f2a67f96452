"""Answers: from a model's scores of prepared texts to their entities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bangfu.inference.calibration import Calibration
from bangfu.inference.cleaning import Cleaned
from bangfu.inference.decoding import TokenSpan, decode_all
from bangfu.inference.entity import Entity
from bangfu.inference.preparation import Texts
from bangfu.inference.recurrence import recurring
from bangfu.inference.selection import select
from bangfu.inference.tokens import Tokens
from bangfu.inference.value import BEFORE, value


def answers(
    texts: Texts, scores: Sequence[npt.NDArray[np.float32]], calibration: Calibration | None, least: float
) -> list[list[Entity]]:
    """Of each text the entities that are sure enough, from its tag logits [tokens, tags]; ``least`` as in select."""
    every = zip(texts.raws, texts.cleaned, texts.tokens, _spans(texts, scores), strict=True)
    return [select(_entities(*one, calibration), least) for one in every]


def _spans(texts: Texts, scores: Sequence[npt.NDArray[np.float32]]) -> list[list[TokenSpan]]:
    """The spans of each text, those of names that recur decoded once more."""
    spans = list(decode_all(scores))
    every = zip(texts.cleaned, texts.tokens, scores, spans, strict=True)
    raised = {
        number: again
        for number, (clear, tokens, some, found) in enumerate(every)
        if (again := recurring(clear.text, tokens, some, found)) is not None
    }
    for number, mended in zip(raised, decode_all(raised.values()), strict=True):
        spans[number] = mended
    return spans


def _entities(
    raw: str, clear: Cleaned, tokens: Tokens, spans: Sequence[TokenSpan], calibration: Calibration | None
) -> list[Entity]:
    entities = []
    for span in spans:
        first, last = int(tokens.starts[span.start]), int(tokens.ends[span.stop - 1])
        start, end = clear.raw_range(first, last)
        score = calibration.score(span.confidence) if calibration else span.confidence
        says = None
        if span.label == "AMOUNT":
            says = value(clear.text[first:last], clear.text[max(0, first - BEFORE) : first])
        entities.append(Entity(start, end, span.label, raw[start:end], score, says))
    return entities
