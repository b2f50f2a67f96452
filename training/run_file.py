"""The file in a model folder that says how the model came about, which its card is rendered from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bangfu.inference.model_folder import ModelSettings
from bangfu.labels.atomic_file import write_json
from bangfu.training.content import told

RUN_FILE = "run.json"
WHOLE = "copy the whole folder that 'bangfu train' wrote"  # what mends it


def fitted(folder: Path, files: Sequence[str], settings: ModelSettings) -> bool:
    """Put down what the settings were fitted on since, and some of them; False where the folder has no such file.

    UserError for a file of other content.
    """
    return _since(folder, {"fitted_on": list(files), "min_score": settings.min_score, "window": settings.window})


def exported(folder: Path, agreement: float | None) -> bool:
    """Put down the share of the tags of fp32 that a new int8 graph gives, None without one; as :func:`fitted`."""
    return _since(folder, {"int8_agreement": agreement})


def _since(folder: Path, what: dict[str, Any]) -> bool:
    path = folder / RUN_FILE
    if not path.is_file():
        return False
    with told(path, WHOLE):
        run = json.loads(path.read_text(encoding="utf-8")) | what
    write_json(path, run)
    return True
