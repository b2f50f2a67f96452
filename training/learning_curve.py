"""The learning curve: dev F1 of models that were taught by shares of the documents."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bangfu.labels import jsonl
from bangfu.labels.atomic_file import replaced, write_json
from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError
from bangfu.training import dataset, yaml_file
from bangfu.training import seeds as seeds_of_runs
from bangfu.training.config import TrainingConfig
from bangfu.training.distillation_config import without_teachers
from bangfu.training.finetuning import ResumeError, data_hashes, train

CURVE_FILE = "learning_curve.json"
PLOT_FILE = "learning_curve.png"
_POINT_FILE = "point.json"


def part(documents: Sequence[Document], share: float, seed: int) -> list[Document]:
    """A share of the documents, at least one, in their order; with one seed a larger share holds the smaller ones."""
    order = np.random.default_rng(seed).permutation(len(documents))
    return [documents[index] for index in sorted(order[: max(1, round(share * len(documents)))])]


def learning_curve(
    config: TrainingConfig, shares: Sequence[float], seeds: Sequence[int], say: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Train once for each share of the first data set and each seed, and measure on dev.

    A share is seen so much more often that every model takes about as many steps: the curve tells what more
    text is worth, not what longer training is. Under ``output`` go a folder a point, ``learning_curve.json`` and
    ``learning_curve.png``; points that are there are kept. Raises UserError for a share outside (0, 1], ResumeError
    where a point of other settings or data lies in the output folder.
    """
    from bangfu.training import charts  # before the training: what is missing should show at once

    without_teachers(config.distillation)
    seeds_of_runs.check(tuple(dict.fromkeys(seeds)))
    for share in shares:
        if not 0 < share <= 1:
            raise UserError(f"share {share:g} must lie above 0 and up to 1")
    output = Path(config.output)
    first, *others = config.train
    documents = dataset.load(first)
    if not documents:
        raise UserError(f"{first.path}: holds no documents to take shares of; give labelled ones")
    points: list[dict[str, Any]] = []
    for share, seed in sorted({(share, seed) for share in shares for seed in seeds}):
        chosen = part(documents, share, seed)
        folder = output / f"{share:g}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "train.jsonl"
        taught = dataclasses.replace(
            first.rewritten(str(file)), repeat=math.ceil(first.repeat * len(documents) / len(chosen))
        )
        settings = dataclasses.replace(
            config,
            name=f"{config.name}-{share:g}",
            train=(taught, *others),
            output=str(folder / "run"),
            seed=seed,
            seeds=(),
        )
        points.append(_point(settings, share, chosen, file, say))
        write_json(output / CURVE_FILE, {"config": yaml_file.plain(config), "points": points})
        with replaced(output / PLOT_FILE) as partial:
            partial.write_bytes(charts.learning_curve(points))
    say(f"written: {output / CURVE_FILE}, {output / PLOT_FILE}")
    return points


def _point(
    config: TrainingConfig, share: float, documents: Sequence[Document], file: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Train and measure, or read what was measured before."""
    point_file = file.with_name(_POINT_FILE)
    text = "".join(json.dumps(jsonl.to_json(document)) for document in documents)
    claim = {
        "settings": yaml_file.plain(config),
        "data": hashlib.sha256(text.encode()).hexdigest(),
        "files": data_hashes(config, config.train[1:]),
    }
    if point_file.exists():
        kept: dict[str, Any] = json.loads(point_file.read_text(encoding="utf-8"))
        if kept["claim"] != claim:
            raise ResumeError(
                f"{point_file}: is of other settings or data; choose another output or remove {file.parent}"
            )
        say(f"{config.name}, seed {config.seed}: kept")
    else:
        jsonl.write(documents, file)
        model = train(config, say)
        scores = json.loads((model.path / "run.json").read_text(encoding="utf-8"))["dev"]["scores"]
        kept = {
            "share": share,
            "documents": len(documents),
            "seed": config.seed,
            "f1": {label: score["f1"] for label, score in scores.items()},
            "claim": claim,
        }
        write_json(point_file, kept)
        say(f"{config.name}, seed {config.seed}, {len(documents)} documents: {100 * kept['f1']['micro']:.1f}")
    return {name: value for name, value in kept.items() if name != "claim"}
