"""Settings of an experiment: one training run, and variants of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bangfu.training import seeds
from bangfu.training.augmentation_config import TransformName


@dataclass(frozen=True)
class VariantConfig:
    """A run of other settings: ``changes`` are values by the path of their key, such as ``train.0.repeat``.

    ``verdict`` is what was made of it, to stand in the table.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    verdict: str = ""


@dataclass(frozen=True)
class ExperimentConfig:
    """What ``bangfu experiment`` reads from a YAML file; every field is a key.

    ``base`` is the settings file of a training run, ``changes`` what is changed in it for every variant.
    Each of ``variants`` is trained once for each of ``seeds`` and measured on the dev documents of the base,
    as they are and with each of ``noises``, a list of transforms of the augmentation each.
    """

    name: str
    base: str
    output: str
    variants: tuple[VariantConfig, ...]
    changes: dict[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (17, 18, 19)
    noises: tuple[tuple[TransformName, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.output.strip():
            raise ValueError("output must not be empty")  # an empty path would be the current folder
        names = [variant.name for variant in self.variants]
        if not names or not self.seeds:
            raise ValueError("variants and seeds must not be empty")
        seeds.check(self.seeds)
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two variants are called {name!r}; give each a name of its own")
            if not name or "/" in name or name.startswith("."):
                raise ValueError(f"{name!r} cannot be the name of a folder; call the variant otherwise")
