"""Settings of a probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bangfu.training import rates, seeds


@dataclass(frozen=True)
class ProbeConfig:
    """What ``bangfu probe`` reads from a YAML file; every field is a key.

    ``encoder`` is fine-tuned on ``train`` once for each of ``seeds`` and measured on ``test``, strict span
    micro-F1 over ``labels``; other labels of the files are left out. With ``dev_share`` above 0 that share
    of ``train`` is held out and measured in the place of ``test``, so that a recipe can be chosen without
    a look at the test set. ``first`` is a set with the same labels that the encoder is fine-tuned on before, for
    ``first_epochs``; what it shares with the test set is left out. With ``average`` above 0 a running average of
    the weights is measured, of which each step keeps so much. ``loss`` looks at each token's tag alone, or at the
    ``sequences`` that are legal. ``batch_tokens`` bounds the tokens of a batch, padding included.
    ``bf16`` is computed in where the machine has it.
    """

    encoder: str
    train: str
    test: str
    output: str
    labels: tuple[str, ...] = ("LOC", "ORG", "PER")
    dev_share: float = 0.0
    first: str = ""
    first_epochs: int = 2
    window: int = 254
    stride: int = 190
    epochs: int = 3
    batch_tokens: int = 1536
    learning_rate: float = 3e-4
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    clip: float = 1.0
    dropout: float = 0.1
    average: float = 0.0
    loss: Literal["tokens", "sequences"] = "tokens"
    bf16: bool = True
    seeds: tuple[int, ...] = (17, 18, 19)

    def __post_init__(self) -> None:
        if not self.output.strip():
            raise ValueError("output must not be empty")  # an empty path would be the current folder
        if not 0 < self.stride <= self.window:
            raise ValueError(f"stride {self.stride} must lie between 1 and window {self.window}")
        if not self.labels or not self.seeds or min(self.epochs, self.first_epochs) < 1:
            raise ValueError("labels, seeds and epochs must not be empty")
        seeds.check(self.seeds)
        rates.check(self, "learning_rate", "head_learning_rate", "clip")
        for name in ("dev_share", "dropout", "average", "warmup_share", "weight_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} must lie between 0 and 1")
        if self.batch_tokens < self.window + 2:
            raise ValueError(f"batch_tokens {self.batch_tokens} does not hold one window of {self.window} tokens")
