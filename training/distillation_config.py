"""Settings of learning from other models."""

from __future__ import annotations

from dataclasses import dataclass

from bangfu.training.yaml_file import ConfigError


@dataclass(frozen=True)
class DistillationConfig:
    """``teachers`` are folders of models of the same tokenizer; ``weight`` is the share of their tags in the loss.

    The other share is that of the marks. What has no marks at all (a data set with ``labels: {}`` and
    ``annotates: []``) is learnt from the teachers alone: so an ensemble becomes one model, and a model learns from
    text that nobody has marked.
    """

    teachers: tuple[str, ...] = ()
    weight: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise ValueError(f"weight {self.weight} must be above 0 and at most 1")


def without_teachers(distillation: DistillationConfig) -> None:
    """Raise ConfigError where there are teachers, who may have learnt from the very documents that are held out."""
    if distillation.teachers:
        raise ConfigError("teachers may know the documents that are held out here; leave distillation.teachers out")
