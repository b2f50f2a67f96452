"""Variants of the settings of a training run."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from bangfu.training import yaml_file
from bangfu.training.config import TrainingConfig
from bangfu.training.experiment_config import ExperimentConfig, VariantConfig
from bangfu.training.yaml_file import ConfigError


def variants(config: ExperimentConfig) -> dict[str, TrainingConfig]:
    """The settings of each variant by its name; ConfigError for one that cannot be."""
    base = yaml_file.read(config.base, TrainingConfig)
    return {
        variant.name: varied(base, dataclasses.replace(variant, changes=config.changes | variant.changes), config.base)
        for variant in config.variants
    }


def varied(base: TrainingConfig, variant: VariantConfig, where: str) -> TrainingConfig:
    """The base with a variant's changes; ConfigError for a path that leads nowhere and for a value that will not do."""
    values = copy.deepcopy(yaml_file.plain(base))
    for path, value in variant.changes.items():
        place: Any = values
        *parents, last = path.split(".")
        for key in parents:
            try:
                if isinstance(place, list) and not key.isdecimal():
                    raise LookupError(key)  # -1 would be the last item
                place = place[int(key)] if isinstance(place, list) else place[key]
            except (LookupError, TypeError, ValueError) as error:
                mend = "give the keys of the base's settings, joined by dots"
                raise ConfigError(
                    f"{where}: variant {variant.name!r}: {path} leads nowhere at {key!r}; {mend}"
                ) from error
        if isinstance(place, list):
            raise ConfigError(
                f"{where}: variant {variant.name!r}: {path} names no key; give the whole list or a key of an item"
            )
        if not isinstance(place, dict):
            raise ConfigError(f"{where}: variant {variant.name!r}: {path}: nothing is set there in the base")
        place[last] = value
    return yaml_file.build(values, TrainingConfig, f"{where}: variant {variant.name!r}")
