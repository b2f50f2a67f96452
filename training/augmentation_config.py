"""Settings of augmentation: how often each transform is applied."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

TransformName = Literal[
    "names",
    "amounts",
    "furniture",
    "lost_stops",
    "line_breaks",
    "full_width",
    "garbled",
    "pinyin",
    "traditional",
]


@dataclass(frozen=True)
class AugmentationConfig:
    """The chance of each transform of ``training/augmentation.py``, a document and an epoch; 0 leaves it out."""

    names: float = 0.0
    amounts: float = 0.0
    furniture: float = 0.0
    lost_stops: float = 0.0
    line_breaks: float = 0.0
    full_width: float = 0.0
    garbled: float = 0.0
    pinyin: float = 0.0
    traditional: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if not 0 <= getattr(self, field.name) <= 1:
                raise ValueError(f"{field.name} {getattr(self, field.name)} must lie between 0 and 1")
