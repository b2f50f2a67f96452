"""An experiment: variants of one training run, each with several seeds, measured on the same documents."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bangfu.inference.extractor import Extractor
from bangfu.labels.atomic_file import replaced, write_json
from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError
from bangfu.training import dataset, evaluation, yaml_file
from bangfu.training.augmentation import noisy
from bangfu.training.config import TrainingConfig
from bangfu.training.distillation import check_teacher
from bangfu.training.encoder_source import check_encoder
from bangfu.training.experiment_config import ExperimentConfig, VariantConfig
from bangfu.training.finetuning import ResumeError, data_hashes, train
from bangfu.training.variants import variants

RESULTS_FILE = "experiment.json"
TABLE_FILE = "experiment.md"
_RUN_FILE = "measured.json"
_PLAIN = "dev"


def experiment(
    config: ExperimentConfig, only: Sequence[str] = (), say: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Train and measure what is not there yet, all variants or ``only`` some, and write the table of all that is.

    Under ``output`` go a folder a variant and seed, ``experiment.json`` and ``experiment.md``. Processes that are
    given different variants may share the folder. Raises ConfigError for a variant that cannot be, ResumeError
    where a result of other settings or data lies in the folder.
    """
    runs = variants(config)
    for name in only:
        if name not in runs:
            raise UserError(f"no variant is called {name!r}; there are {', '.join(map(repr, runs))}")
    for name, run in runs.items():
        if name in only or not only:
            check_encoder(run.encoder)  # before the first variant is trained
            for teacher in run.distillation.teachers:
                check_teacher(teacher)
    documents = dataset.load(next(iter(runs.values())).dev)
    measured = {_PLAIN: documents} | {", ".join(noise): noisy(documents, noise) for noise in config.noises}
    for variant in config.variants:
        for seed in config.seeds if variant.name in only or not only else ():
            _run(_settings(config, runs, variant, seed), measured, say)
    rows = []
    for variant in config.variants:
        found = [_measured(_settings(config, runs, variant, seed), tuple(measured)) for seed in config.seeds]
        if any(found):
            rows.append(_row(variant, [one for one in found if one], tuple(measured)))
    output = Path(config.output)
    write_json(output / RESULTS_FILE, {"experiment": yaml_file.plain(config), "rows": rows})
    with replaced(output / TABLE_FILE) as partial:
        partial.write_text(table(rows), encoding="utf-8")
    say(table(rows))
    say(f"written: {output / RESULTS_FILE}, {output / TABLE_FILE}")
    return rows


def _settings(
    config: ExperimentConfig, runs: Mapping[str, TrainingConfig], variant: VariantConfig, seed: int
) -> TrainingConfig:
    """The run of one variant with one seed, in a folder of its own."""
    folder = Path(config.output) / f"{variant.name}-{seed}"
    name = f"{config.name} {variant.name}"
    return dataclasses.replace(runs[variant.name], name=name, output=str(folder / "run"), seed=seed, seeds=())


def _run(config: TrainingConfig, measured: Mapping[str, Sequence[Document]], say: Callable[[str], None]) -> None:
    """Train one variant with one seed and measure it, where that has not been done."""
    if _measured(config, tuple(measured)):
        say(f"{config.name}, seed {config.seed}: kept")
        return
    Path(config.output).parent.mkdir(parents=True, exist_ok=True)
    model = train(config, say)
    extractor = Extractor.load(model.path, device="cpu")
    f1 = {
        name: {label: score.f1 for label, score in evaluation.total(evaluation.measure(extractor, some)).items()}
        for name, some in measured.items()
    }
    history = json.loads((Path(config.output) / "history.json").read_text(encoding="utf-8"))
    result = {"seed": config.seed, "f1": f1, "hours": history["hours"], "device": history["device"]}
    write_json(_file(config), result | {"claim": _claim(config, tuple(measured))})
    say(f"{config.name}, seed {config.seed}: {100 * f1[_PLAIN]['micro']:.2f}")


def _file(config: TrainingConfig) -> Path:
    return Path(config.output).with_name(_RUN_FILE)


def _claim(config: TrainingConfig, measured: Sequence[str]) -> dict[str, Any]:
    return {"settings": yaml_file.plain(config), "data": data_hashes(config), "measured": list(measured)}


def _measured(config: TrainingConfig, measured: Sequence[str]) -> dict[str, Any] | None:
    """What was measured of a run, None where nothing was; ResumeError where it is of other settings or data."""
    file = _file(config)
    if not file.exists():
        return None
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if result["claim"] != _claim(config, measured):
        raise ResumeError(f"{file}: is of other settings or data; choose another output or remove {file.parent}")
    return result


def _row(variant: VariantConfig, runs: Sequence[Mapping[str, Any]], measured: Sequence[str]) -> dict[str, Any]:
    """What is there of a variant: its seeds, and mean and spread of each F1 over them."""
    return {
        "name": variant.name,
        "verdict": variant.verdict,
        "seeds": [run["seed"] for run in runs],
        "hours": mean(run["hours"] for run in runs),
        "f1": {
            name: {label: _spread([run["f1"][name][label] for run in runs]) for label in runs[0]["f1"][name]}
            for name in measured
        },
    }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean and standard deviation; of one value there is none."""
    return {"mean": mean(values), "deviation": stdev(values) if len(values) > 1 else None, "values": list(values)}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table: strict F1 in percent, mean ± standard deviation over the seeds."""
    if not rows:
        return "nothing is measured yet\n"
    measured = list(rows[0]["f1"])
    labels = [label for label in rows[0]["f1"][_PLAIN] if label != evaluation.MICRO]
    head = [
        "variant",
        "seeds",
        "micro",
        *labels,
        *(f"micro, {name}" for name in measured if name != _PLAIN),
        "minutes",
        "",
    ]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in rows:
        plain = row["f1"][_PLAIN]
        cells = [
            row["name"],
            str(len(row["seeds"])),
            _cell(plain[evaluation.MICRO]),
            *(_cell(plain[label], spread=False) for label in labels),
            *(_cell(row["f1"][name][evaluation.MICRO]) for name in measured if name != _PLAIN),
            f"{60 * row['hours']:.0f}",
            row["verdict"],
        ]
        # what a person wrote may hold line breaks and bars
        shown = [" ".join(cell.split()).replace("|", r"\|") for cell in cells]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _cell(value: Mapping[str, Any], spread: bool = True) -> str:
    deviation = f" ± {100 * value['deviation']:.2f}" if spread and value["deviation"] is not None else ""
    return f"{100 * value['mean']:.2f}{deviation}"
