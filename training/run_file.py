"""The file in a model folder that says how the model came about, which its card is rendered from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bangfu.labels.atomic_file import write_json
from bangfu.training.content import told

RUN_FILE = "run.json"
WHOLE = "copy the whole folder that 'bangfu train' wrote"  # what mends it


def fitted(folder: Path, files: Sequence[str], min_score: float) -> bool:
    """Put down what the scores and the least score were fitted on since; False where the folder has no such file.

    UserError for a file of other content.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        return False
    with told(path, WHOLE):
        run = json.loads(path.read_text(encoding="utf-8")) | {"fitted_on": list(files), "min_score": min_score}
    write_json(path, run)
    return True
