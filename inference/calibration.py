"""Calibration: from a model's confidence in an entity to the probability that the entity is exactly right."""

from __future__ import annotations

import math
from dataclasses import dataclass

# A confidence of 0 or 1 would have no log odds.
EDGE = 1e-6


def log_odds(confidence: float) -> float:
    """log(p / (1 - p)), with p held away from 0 and 1."""
    held = min(max(confidence, EDGE), 1 - EDGE)
    return math.log(held / (1 - held))


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: ``scale`` and ``shift`` act on the log odds of a confidence.

    ``scale`` is above 0, so the order of entities stays. Raises ValueError otherwise, or where a number is
    not finite.
    """

    scale: float
    shift: float

    def __post_init__(self) -> None:
        numbers = (self.scale, self.shift)
        if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers) or self.scale <= 0:
            raise ValueError(f"calibration of scale {self.scale} and shift {self.shift}: scale must be above 0")

    def __call__(self, confidence: float) -> float:
        """The probability, above 0 and below 1: nothing that was fitted is beyond doubt."""
        odds = self.scale * log_odds(confidence) + self.shift
        probability = 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))
        return min(max(probability, EDGE), 1 - EDGE)

    def score(self, confidence: float) -> float:
        """The probability as entities bear it: most of what it is fitted on differs behind the fourth digit only."""
        return round(self(confidence), 4)
