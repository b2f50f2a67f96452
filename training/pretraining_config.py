"""Settings of one pretraining run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bangfu.training import rates, seeds

# What hand-made marks of names in labelled sources may be mapped to.
NAME_LABELS = ("LOC", "ORG", "PER")


@dataclass(frozen=True)
class SourceConfig:
    """A file of text, .gz and .xz too, and what is known of its words.

    ``form``: ``plain`` is a paragraph a line, ``tagged`` a sentence a line with ``word/tag`` and spaces
    between, ``labelled`` a labelled document a line (JSON) whose ``labels`` become LOC, ORG or PER.
    A step sees a source ``weight`` times as often as its size alone would have it.
    """

    path: str
    form: Literal["plain", "tagged", "labelled"] = "plain"
    labels: dict[str, str] = field(default_factory=dict)
    weight: float = 1.0

    def __post_init__(self) -> None:
        if (self.form == "labelled") != bool(self.labels):
            raise ValueError(f"{self.path}: give labels (such as {{LOC: LOC}}) where form is labelled, and only there")
        for name in self.labels.values():
            if name not in NAME_LABELS:
                raise ValueError(f"{self.path}: {name!r} is not one of {', '.join(NAME_LABELS)}")
        if self.weight <= 0:
            raise ValueError(f"{self.path}: weight must be above 0")


@dataclass(frozen=True)
class ArchitectureConfig:
    """The size of a new BERT; its feed-forward layers are four times as wide as it is."""

    layers: int
    hidden_size: int
    heads: int
    positions: int = 512

    def __post_init__(self) -> None:
        if min(self.layers, self.hidden_size, self.heads, self.positions) < 1 or self.hidden_size % self.heads:
            raise ValueError(
                "layers, hidden_size, heads and positions must be above 0, hidden_size a multiple of heads"
            )


@dataclass(frozen=True)
class PretrainingConfig:
    """What ``bangfu pretrain`` reads from a YAML file; every field is a key.

    Either ``encoder``, a local folder or hub name to go on from, or ``architecture``, a new one, whose
    vocabulary is built from the sources with every character that they hold ``minimum_count`` times.
    Prepared tokens are kept in ``tokens``, by default a folder in ``output``; ``held_out`` is the share of
    documents, and of parts of long ones, that no step sees, nor paragraphs behind them that repeat a sentence of
    them. What repeats them earlier, in another source above all, has been written to the training text by then.

    A step sees ``tokens_per_step`` tokens, over all processes, in packed sequences of one of ``lengths``
    drawn anew each step, ``micro_batch_tokens`` of them at a time (0: all at once). ``tag_weight`` and
    ``name_weight`` weigh the word tags and the hand-marked names beside the masked tokens. The learning
    rate warms up, stays, and falls in a straight line to nought over the last ``decay_steps``, so that a
    run can be made longer before its decay begins. ``checkpoint_minutes`` of work at most are lost by a
    kill; after ``budget_minutes`` (0: no limit) the run stops itself with a checkpoint. ``bf16`` is computed in where
    the machine has it.
    """

    sources: tuple[SourceConfig, ...]
    output: str
    steps: int
    encoder: str = ""
    architecture: ArchitectureConfig | None = None
    minimum_count: int = 20
    tokens: str = ""
    held_out: float = 0.005
    tokens_per_step: int = 4096
    micro_batch_tokens: int = 0
    lengths: tuple[int, ...] = (128,)
    masked_share: float = 0.2
    tag_weight: float = 1.0
    name_weight: float = 1.0
    learning_rate: float = 6e-4
    weight_decay: float = 0.01
    warmup_steps: int = 200
    decay_steps: int = 1000
    clip: float = 1.0
    dropout: float = 0.0
    bf16: bool = True
    compile: bool = False
    seed: int = 17
    checkpoint_minutes: float = 10.0
    budget_minutes: float = 0.0
    log_steps: int = 20

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("sources names no text; add a file")
        if not self.lengths or min(self.lengths) < 8 or min(self.tokens_per_step, self.log_steps) < 1:
            raise ValueError("lengths must be 8 and more, tokens_per_step and log_steps above 0")
        if bool(self.encoder) == (self.architecture is not None):
            raise ValueError("give either encoder, to go on from one, or architecture, to begin one")
        if self.warmup_steps + self.decay_steps > self.steps:
            raise ValueError("warmup_steps and decay_steps together exceed steps; lower one of them")
        seeds.check((self.seed,))
        rates.check(self, "learning_rate", "clip")
        if not 0 < self.masked_share < 1:
            raise ValueError(f"masked_share {self.masked_share} must lie between 0 and 1")
        if not 0 <= self.held_out < 1 or not 0 <= self.dropout < 1:
            raise ValueError("held_out and dropout must lie between 0 and 1")
        for size in (self.tokens_per_step, self.micro_batch_tokens):
            if any(size % length for length in self.lengths):
                raise ValueError("tokens_per_step and micro_batch_tokens must be multiples of each of lengths")
