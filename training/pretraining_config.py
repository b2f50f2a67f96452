"""Settings of one pretraining run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PretrainingConfig:
    """What ``bangfu pretrain`` reads from a YAML file; every field is a key.

    ``text`` are files of word-tagged sentences (``word/tag`` with spaces between, .gz and .xz too).
    ``encoder`` is a local folder or hub name to go on from. A step sees ``tokens_per_step`` tokens in
    packed sequences of one of ``lengths``, drawn anew each step. The learning rate warms up, stays,
    and falls in a straight line to nought over the last ``decay_steps``, so that a run can be made
    longer before its decay begins. ``checkpoint_minutes`` of work at most are lost by a kill.
    """

    text: tuple[str, ...]
    encoder: str
    output: str
    steps: int
    tokens_per_step: int = 4096
    lengths: tuple[int, ...] = (128,)
    masked_share: float = 0.2
    tag_weight: float = 1.0
    learning_rate: float = 6e-4
    weight_decay: float = 0.01
    warmup_steps: int = 200
    decay_steps: int = 1000
    clip: float = 1.0
    bf16: bool = True
    seed: int = 17
    checkpoint_minutes: float = 10.0
    log_steps: int = 20

    def __post_init__(self) -> None:
        if self.warmup_steps + self.decay_steps > self.steps:
            raise ValueError("warmup_steps and decay_steps together exceed steps; lower one of them")
        if not 0 < self.masked_share < 1:
            raise ValueError(f"masked_share {self.masked_share} must lie between 0 and 1")
        if any(self.tokens_per_step % length for length in self.lengths):
            raise ValueError("tokens_per_step must be a multiple of each of lengths")
