"""Settings of what keeps fine-tuning from learning by heart."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class RegularisationConfig:
    """Ways to regularise, each left out at 0.

    ``smoothing`` is the share of a token's target that goes to all tags alike (Szegedy et al., CVPR 2016).
    ``r_drop`` weighs the divergence between two passes with other dropout (Liang et al., NeurIPS 2021; a step
    takes twice as long). ``adversarial`` is the length of a step against the token embeddings of each row, on
    which the model is taught, too (Miyato et al., ICLR 2017; three times as long).
    """

    smoothing: float = 0.0
    r_drop: float = 0.0
    adversarial: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing {self.smoothing} must be at least 0 and below 1")
        for name in ("r_drop", "adversarial"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)} must be a number of at least 0")
        if self.r_drop and self.adversarial:
            raise ValueError("r_drop and adversarial do not go together; set one of them to 0")
