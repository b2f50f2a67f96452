"""Settings of one fine-tuning run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from bangfu.labels.schema import LABEL_NAMES
from bangfu.training import seeds
from bangfu.training.augmentation_config import AugmentationConfig
from bangfu.training.distillation_config import DistillationConfig
from bangfu.training.regularisation_config import RegularisationConfig


@dataclass(frozen=True)
class DatasetConfig:
    """A labelled file, and what its labels mean here.

    ``labels`` gives our label for each label of the file, null for one that is to be dropped.
    ``annotates`` are our labels that the file marks throughout: elsewhere its unmarked text may still
    hold entities, and is not taught as free of them. ``joined`` are labels of which neighbours without a
    gap become one span (our places are one span a chain). ``packed`` sets consecutive short texts side
    by side until they have this many characters. ``repeat`` is how often an epoch sees the file.
    ``augmentation`` draws a fresh variant of each document each epoch.
    """

    path: str
    labels: dict[str, str | None] = field(default_factory=lambda: {name: name for name in LABEL_NAMES})
    annotates: tuple[str, ...] = LABEL_NAMES
    joined: tuple[str, ...] = ()
    packed: int = 0
    repeat: int = 1
    augmentation: AugmentationConfig | None = None

    def rewritten(self, path: str) -> DatasetConfig:
        """The settings for documents that were read by these and written again: labels ours, neighbours joined."""
        return replace(self, path=path, labels={name: name for name in self.annotates}, joined=(), packed=0)

    def __post_init__(self) -> None:
        if not self.path.strip():
            raise ValueError("path must not be empty")
        for name in (*self.annotates, *self.joined, *(ours for ours in self.labels.values() if ours)):
            if name not in LABEL_NAMES:
                raise ValueError(f"{name!r} is not one of our labels {', '.join(LABEL_NAMES)}")
        unmapped = set(self.annotates) - {ours for ours in self.labels.values() if ours}
        if unmapped:
            raise ValueError(
                f"{self.path}: annotates {', '.join(sorted(unmapped))}, but no label of the file becomes it; "
                "name under annotates only what the file marks throughout"
            )
        unmarked = {ours for ours in self.labels.values() if ours} - set(self.annotates)
        if unmarked:
            raise ValueError(f"{', '.join(sorted(unmarked))}: labels map to it, so name it under annotates, too")
        if self.repeat < 1 or self.packed < 0:
            raise ValueError("repeat must be at least 1 and packed not negative")


@dataclass(frozen=True)
class TrainingConfig:
    """What ``bangfu train`` reads from a YAML file; every field is a key.

    ``encoder`` is a local folder or a hub name such as ``hfl/chinese-macbert-base``. ``window`` and
    ``stride`` count tokens and are saved with the model. ``loss`` looks at each token's tag alone, or at the
    ``sequences`` that are legal (:mod:`bangfu.training.loss`). ``precision`` ``auto`` is bf16 where the device
    computes in it. ``activation`` takes the place of the encoder's own where it is given: a CPU gets ``relu`` for
    nothing when it quantises, and a model has to learn on with it. With ``layer_decay`` below 1 each layer learns
    at so much of the rate of the one above it, the embeddings as a layer below the first. With ``average`` above 0
    the weights that are measured and kept are a running average over the steps, of which each step keeps so much.
    ``patience`` ends a run after so many epochs without a better dev micro-F1; the best epoch is kept, or with
    ``keep`` the last, or the mean of the weights of both. With ``seeds`` a run is trained with each (``seed`` is not
    used), and the model has the mean of their weights (a soup, Wortsman et al., ICML 2022); the encoder should have a
    head to start from, or the runs end too far from each other. Paths are taken from the folder in which the command
    runs.
    """

    name: str
    encoder: str
    train: tuple[DatasetConfig, ...]
    dev: DatasetConfig
    output: str
    window: int = 254
    stride: int = 190
    epochs: int = 3
    batch_size: int = 16
    gradient_accumulation: int = 1
    learning_rate: float = 3e-4
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    clip: float = 1.0
    dropout: float = 0.1
    layer_decay: float = 1.0
    average: float = 0.0
    loss: Literal["tokens", "sequences"] = "tokens"
    activation: Literal["", "gelu", "relu"] = ""
    regularisation: RegularisationConfig = field(default_factory=RegularisationConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    patience: int = 3
    keep: Literal["best", "last", "both"] = "best"
    seed: int = 17
    seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("name", "encoder", "output"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} must not be empty")  # as a path it would be the current folder
        if len(set(self.seeds)) != len(self.seeds) or len(self.seeds) == 1:
            raise ValueError(f"seeds {list(self.seeds)} must be several, each once; for one run give seed")
        seeds.check(self.seeds or (self.seed,))
        if not self.train:
            raise ValueError("train names no data set; add one")
        if not 0 < self.stride <= self.window:
            raise ValueError(f"stride {self.stride} must lie between 1 and window {self.window}")
        if set(self.dev.annotates) != set(LABEL_NAMES):
            raise ValueError("dev must annotate every label, or its F1 means nothing")
        if self.dev.augmentation:
            raise ValueError("dev must not be augmented, or its F1 means nothing")
        for name in ("epochs", "batch_size", "gradient_accumulation", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("learning_rate", "head_learning_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0")
        if not 0 < self.layer_decay <= 1:
            raise ValueError("layer_decay must be above 0 and at most 1")
        if not 0 <= self.weight_decay < 1:
            raise ValueError("weight_decay must lie between 0 and 1")
        for name in ("dropout", "warmup_share", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1")
