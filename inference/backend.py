"""Backends: what runs a model's numbers. Each checks the device it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from bangfu.labels.user_error import UserError

Device = Literal["cpu", "cuda", "auto"]
BackendName = Literal["onnx", "openvino", "torch"]
Precision = Literal["int8", "fp32", "fp16", "bf16", "auto"]
TorchPrecision = Literal["fp32", "fp16", "bf16", "auto"]  # int8 is of the onnx and openvino backends
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
DEVICES: tuple[Device, ...] = get_args(Device)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

Scores = npt.NDArray[np.float32]
Submit = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Callable[[], Scores]]


class DeviceError(UserError):
    """The device that was asked for is not there; the message says what is."""


class Backend(Protocol):
    """Runs a token classifier.

    A backend may have an attribute ``submit`` (:data:`Submit`, or None): it takes what ``scores`` takes and gives,
    before the batch has run, a function that waits for its scores. Batches run in the order they were submitted in.
    """

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Scores:
        """Tag logits [batch, tokens, tags] of token ids [batch, tokens]; ``mask`` is 0 at padding."""
        ...


def submit_of(backend: Backend) -> Submit | None:
    """The backend's ``submit``; None where a batch has run when it answers."""
    submit: Submit | None = getattr(backend, "submit", None)
    return submit
