"""Backends: what runs a model's numbers. Each checks the device it is asked for."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from bangfu.labels.user_error import UserError

Device = Literal["cpu", "cuda", "auto"]
Precision = Literal["int8", "fp32", "auto"]


class DeviceError(UserError):
    """The device that was asked for is not there; the message says what is."""


class Backend(Protocol):
    """Runs a token classifier."""

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Tag logits [batch, tokens, tags] of token ids [batch, tokens]; ``mask`` is 0 at padding."""
        ...
