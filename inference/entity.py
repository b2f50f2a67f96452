"""Entities: what extraction answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bangfu.inference.value import Value


@dataclass(frozen=True)
class Entity:
    """One named thing in a text: ``text == raw[start:end]`` in code points, ``end`` exclusive.

    ``score`` is the probability that the entity is exactly right, its place and its label, 0 to 1, as far
    as the model was calibrated (see :mod:`bangfu.inference.calibration`); else the model's confidence. ``value`` is the
    number and the unit that an AMOUNT says; None where they are not understood, and for other labels.
    """

    start: int
    end: int
    label: str
    text: str
    score: float
    value: Value | None = None

    def to_json(self) -> dict[str, Any]:
        """The entity as a JSON object."""
        # dataclasses.asdict took half the time of writing
        return vars(self) | {"value": None if self.value is None else self.value.to_json()}
