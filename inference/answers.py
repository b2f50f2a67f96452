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
from bangfu.inference.selection import select
from bangfu.inference.tokens import Tokens


def answers(
    texts: Texts, scores: Sequence[npt.NDArray[np.float32]], calibration: Calibration | None, least: float
) -> list[list[Entity]]:
    """Of each text the entities that are sure enough, from its tag logits [tokens, tags]; ``least`` as in select."""
    every = zip(texts.raws, texts.cleaned, texts.tokens, decode_all(scores), strict=True)
    return [select(_entities(*one, calibration), least) for one in every]


def _entities(
    raw: str, clear: Cleaned, tokens: Tokens, spans: Sequence[TokenSpan], calibration: Calibration | None
) -> list[Entity]:
    entities = []
    for span in spans:
        start, end = clear.raw_range(int(tokens.starts[span.start]), int(tokens.ends[span.stop - 1]))
        score = calibration.score(span.confidence) if calibration else span.confidence
        entities.append(Entity(start, end, span.label, raw[start:end], score))
    return entities
