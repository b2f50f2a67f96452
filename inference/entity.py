"""Entities: what extraction answers with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Entity:
    """One named thing in a text: ``text == raw[start:end]`` in code points, ``end`` exclusive.

    ``score`` is the mean probability that the model gives to the entity's tags, 0 to 1; it is not
    calibrated.
    """

    start: int
    end: int
    label: str
    text: str
    score: float

    def to_json(self) -> dict[str, Any]:
        """The entity as a JSON object."""
        return asdict(self)
