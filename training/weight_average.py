"""A running average of a model's weights over its steps, which generalises better than the last step's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

AVERAGE_FILE = "average.safetensors"


class WeightAverage(TrainerCallback):
    """The exponential moving average of the weights (Tarvainen and Valpola, NeurIPS 2017).

    After step t it keeps the share min(``decay``, (1 + t) / (10 + t)) of what it was, so that the first steps,
    far from the goal, are soon forgotten.
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self.values = {name: value.detach().clone() for name, value in model.named_parameters()}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.update(state.global_step)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights of now, after so many steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in self.model.named_parameters():
            # the model may have moved to its device since
            self.values[name] = self.values[name].to(value.device).lerp_(value, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While it lasts, the model has the averaged weights."""
        trained = {name: value.detach().clone() for name, value in self.model.named_parameters()}
        self._set(self.values)
        try:
            yield
        finally:
            self._set(trained)

    def apply(self, folder: Path | None = None) -> None:
        """Give the model the averaged weights for good: those saved in the folder, or those of now."""
        if folder is not None:
            self.load(folder)
        self._set(self.values)

    def save(self, folder: Path) -> None:
        save_file({name: value.contiguous() for name, value in self.values.items()}, folder / AVERAGE_FILE)

    def load(self, folder: Path) -> None:
        self.values = load_file(folder / AVERAGE_FILE)

    @torch.no_grad()
    def _set(self, values: dict[str, torch.Tensor]) -> None:
        for name, value in self.model.named_parameters():
            value.copy_(values[name])
