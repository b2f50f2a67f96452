"""The process that loaded a model."""

from __future__ import annotations

import os

from bangfu.inference.backend import DeviceError


class Origin:
    """Remembers the process it was made in, for libraries whose threads a fork leaves behind."""

    def __init__(self) -> None:
        self._process = os.getpid()

    def check(self, backend: str) -> None:
        """DeviceError in a process that was forked off, where ``backend`` would wait for its threads for ever."""
        if os.getpid() != self._process:
            raise DeviceError(
                f"{backend} does not run in a process that was forked off after the model was loaded; "
                "load the model in that process, or use backend='onnx'"
            )
