"""Ranges of activations: the least and largest value that enters each linear layer, over sample text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bangfu.inference.encoder import Encoder
from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import ModelFolder
from bangfu.inference.torch_backend import TorchBackend

Ranges = dict[str, tuple[float, float]]


class _Observed:
    """A backend that notes the range of what enters each linear layer; padding is left out."""

    def __init__(self, backend: TorchBackend) -> None:
        self._backend = backend
        self._mask = torch.zeros(0, dtype=torch.bool)
        self.ranges: Ranges = {}
        for name, module in backend.model.named_modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_pre_hook(self._note(name))

    def _note(self, name: str) -> Callable[[Any, tuple[torch.Tensor, ...]], None]:
        def note(_: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            values = inputs[0][self._mask]
            low, high = self.ranges.get(name, (0.0, 0.0))
            self.ranges[name] = (min(low, float(values.min())), max(high, float(values.max())))

        return note

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        self._mask = torch.from_numpy(mask).bool()
        return self._backend.scores(ids, mask)


def activation_ranges(folder: ModelFolder, encoder: Encoder, texts: Sequence[str]) -> Ranges:
    """The range, with nought in it, of the inputs of each linear layer when the model reads ``texts``."""
    observed = _Observed(TorchBackend.load(folder, "cpu"))
    Extractor(observed, encoder, folder.settings)(texts)
    return observed.ranges
