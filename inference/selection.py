"""Selection: which entities of an article are sure enough to be put out."""

from __future__ import annotations

from collections.abc import Sequence

from bangfu.inference.cleaning import clean
from bangfu.inference.entity import Entity


def select(entities: Sequence[Entity], least: float) -> list[Entity]:
    """Those entities of one article whose score, or that of the same name elsewhere in it, is at least ``least``.

    The same name is the same cleaned text with the same label: what is sure in one sentence of an article is
    seldom something else in the next.
    """
    if all(entity.score >= least for entity in entities):
        return list(entities)
    return [entity for entity, highest in zip(entities, reach(entities), strict=True) if highest >= least]


def reach(entities: Sequence[Entity]) -> list[float]:
    """Up to which least score each entity of one article is put out: the highest score of its name."""
    names = [(clean(entity.text).text, entity.label) for entity in entities]
    highest: dict[tuple[str, str], float] = {}
    for name, entity in zip(names, entities, strict=True):
        highest[name] = max(entity.score, highest.get(name, 0.0))
    return [highest[name] for name in names]
