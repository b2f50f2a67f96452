"""The file in a model folder that says how the model came about, which its card is rendered from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bangfu.labels.atomic_file import write_json
from bangfu.labels.user_error import UserError

RUN_FILE = "run.json"


def fitted(folder: Path, files: Sequence[str], min_score: float) -> bool:
    """Put down what the scores and the least score were fitted on since; False where the folder has no such file.

    UserError for a file of other content.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        return False
    try:
        run = json.loads(path.read_text(encoding="utf-8")) | {"fitted_on": list(files), "min_score": min_score}
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: broken ({error}); copy the whole folder that 'bangfu train' wrote") from error
    write_json(path, run)
    return True
