"""The model card: rendered from what a run left beside its weights, and from measurements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bangfu.inference.model_folder import WEIGHTS, ModelFolder
from bangfu.labels.atomic_file import replaced
from bangfu.labels.schema import LABEL_NAMES, LABELS
from bangfu.labels.user_error import UserError
from bangfu.training import yaml_file
from bangfu.training.config import TrainingConfig
from bangfu.training.content import told
from bangfu.training.evaluation import MICRO
from bangfu.training.run_file import RUN_FILE, WHOLE

CONFIG_FILE = "training.yaml"
CARD_FILE = "README.md"


def write(folder: ModelFolder, measured: Mapping[str, dict[str, Any]]) -> Path:
    """Render the card of a model folder; ``measured`` are contents of ``metrics.json`` by what was measured."""
    path = folder.file(RUN_FILE)
    card = folder.path / CARD_FILE
    config = yaml_file.read(folder.file(CONFIG_FILE), TrainingConfig)
    size = folder.file(WEIGHTS).stat().st_size
    with told(path, WHOLE):
        text = render(config, json.loads(path.read_text(encoding="utf-8")), measured, size)
    with replaced(card) as partial:
        partial.write_text(text, encoding="utf-8")
    return card


def measurement(file: Path) -> dict[str, Any]:
    """The content of a ``metrics.json``; UserError for another file."""
    mend = "give a metrics.json of 'bangfu evaluate --output'"
    try:
        text = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error}); {mend}") from error
    with told(file, mend):
        values: dict[str, Any] = json.loads(text)
        # what the card shows of it
        _row("", values)
        _scores({"": values}, 0.0, [])
        if set(values["scores"]) != {*LABEL_NAMES, MICRO}:
            raise ValueError(f"scores of {', '.join(values['scores'])}")
    return values


def render(config: TrainingConfig, run: Mapping[str, Any], measured: Mapping[str, dict[str, Any]], size: int) -> str:
    """The card as Markdown; ``run`` is the content of ``run.json``, ``size`` the bytes of the weights."""
    runs = len(config.seeds) or 1
    # what was measured at the end of the training holds no more when scores and least score were fitted anew
    figures = ({} if run.get("fitted_on") else {f"dev split, `{config.dev.path}`": run["dev"]}) | dict(measured)
    lines = [
        "---",
        "license: apache-2.0",
        "language: zh",
        "pipeline_tag: token-classification",
        "---",
        "",
        f"# {config.name}",
        "",
        "Recognises organisations, places, amounts and kinds of help in Chinese news and notices about social aid.",
        f"A BERT token classifier with {run['parameters'] / 1e6:.1f} M parameters "
        f"({size / 1e6:.1f} MB of fp16 weights), used through `bangfu.inference.Extractor`.",
        *_int8(run.get("int8_agreement")),
        "",
        "| label | | what |",
        "| --- | --- | --- |",
        *(f"| {label.name} | {label.chinese} | {label.definition} |" for label in LABELS),
        "",
        "## Figures",
        "",
        "Strict span scores in percent: start, end and label must agree. In brackets the 95 % bootstrap interval of",
        "F1, drawn over documents; with a handful of documents it is only a hint.",
        "",
        "| measured on | documents | " + " | ".join(f"{name}" for name in run["dev"]["scores"]) + " |",
        "| --- | --- |" + " --- |" * len(run["dev"]["scores"]),
        *(_row(name, values) for name, values in figures.items()),
        "",
        *_flattered(config, run.get("fitted_on", [])),
        "",
        *_scores(figures, run.get("min_score", 0.0), run.get("fitted_on", [])),
        "## Training data",
        "",
        "| step | file | documents | spans taught | dropped by alignment | labels annotated | seen | augmented |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_data_row(step, part) for step in run["steps"] for part in step["data"]),
        "",
        "Where a file does not annotate a label, its unmarked tokens are not taught as free of it "
        "(marginal likelihood).",
        *_teachers(run["steps"]),
        f"The steps began from the encoder `{run['steps'][0]['encoder']}`; its own card says what it has read.",
        "",
        "## Recipe",
        "",
        *([f"The mean of the weights of {runs} runs, with seeds of their own; of each:"] if config.seeds else []),
        f"{_kept(config, run['evaluations'] // runs)}, {run['epochs']:.1f} epochs, "
        f"{run['hours'] / runs:.2f} hours on {run['device']}.",
        *_window(run.get("window", config.window), config.window),
        "",
        "The last step:",
        "",
        "```yaml",
        *yaml_file.dump(config).splitlines(),
        "```",
        "",
        "Versions: " + ", ".join(f"{name} {number}" for name, number in run["versions"].items()) + ".",
        "",
        "## Limits",
        "",
        "- Trained on written news and notices; speech, chat and poems are foreign to it.",
        "- Traditional characters and readings in brackets are undone before the model reads them; accuracy on text "
        "whose bytes were garbled is lower.",
        "- Spans are flat: a place inside an organisation's name is not found apart from it.",
        "- Names of real bodies may be found in sentences that are untrue: what is found is a mention, not a fact.",
        "",
    ]
    return "\n".join(lines)


def _kept(config: TrainingConfig, evaluations: int) -> str:
    if config.keep == "best":
        return f"Best of {evaluations} evaluations on the dev split"
    if config.keep == "both":
        return f"Mean of the weights of the last of {evaluations} epochs and of that which was best on the dev split"
    return f"Last of {evaluations} epochs"


def _flattered(config: TrainingConfig, fitted_on: Sequence[str]) -> list[str]:
    chosen = ["the dev split chose the epoch"] if config.keep != "last" else []
    told = ", and ".join([*chosen, f"{_where(fitted_on)} chose the least score"])
    return [f"{told[0].upper()}{told[1:]}, so figures on them flatter."]


def _where(fitted_on: Sequence[str]) -> str:
    return " and ".join(f"`{file}`" for file in fitted_on) or "the dev split"


def _teachers(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"In the step {step['name']} it learnt the tags that {' and '.join(step['teachers'])} gave, too."
        for step in steps
        if step.get("teachers")
    ]


def _window(used: int, trained: int) -> list[str]:
    if used == trained:
        return []
    return [f"It reads in windows of {used} tokens, which costs less than those of {trained} that it was trained with."]


def _int8(agreement: float | None) -> list[str]:
    if agreement is None:
        return []
    share = f"{100 * agreement:.2f} % of the tokens of the texts that its ranges were set by"
    return [f"On CPUs an int8 graph is run, which gives {share} the tag of fp32."]


def _least(min_score: float, where: str) -> list[str]:
    if not min_score:
        return []
    return [
        f"Entities of a score below {min_score:g}, in the middle of where F1 on {where} is within 0.2 points of",
        "its highest, are left out, unless the same",
        "name has it elsewhere in the article; the figures above are of what is left.",
        "",
    ]


def _scores(figures: Mapping[str, dict[str, Any]], min_score: float, fitted_on: Sequence[str]) -> list[str]:
    """How far the scores of entities can be trusted; a model of before the calibration has no figures of it."""
    where = _where(fitted_on)
    errors = {
        # of a run the error stands by itself, of a measurement among others
        name: values.get("calibration_error", values.get("reliability", {}).get("calibration_error"))
        for name, values in figures.items()
    }
    known = [f"{100 * error:.1f} % on {name}" for name, error in errors.items() if error is not None]
    if not known and not fitted_on:
        return []
    return [
        "## Scores",
        "",
        "The score of an entity is the probability that its place and label are exactly right: the share it has among",
        f"all legal sequences of tags, scaled by two numbers fitted on {where}.",
        *([f"Expected calibration error, over 15 bins of equally many entities: {', '.join(known)}."] if known else []),
        "",
        *_least(min_score, where),
    ]


def _data_row(step: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    return (
        f"| {step['name']} | `{part['path']}` | {part['documents']:,} | {part['spans'] - part['dropped']:,} "
        f"| {part['dropped']:,} | {', '.join(part['annotates'])} | {part['repeat'] * step['epochs']:.0f} × "
        f"| {_augmented(part)} |"
    )


def _augmented(part: Mapping[str, Any]) -> str:
    rates = part.get("augmentation") or {}
    return ", ".join(f"{name} {rate:g}" for name, rate in rates.items() if rate) or "–"


def _row(name: str, values: Mapping[str, Any]) -> str:
    cells = []
    for score in values["scores"].values():
        low, high = score["f1_interval"]
        if not score["gold"] + score["found"]:
            cells.append("–")
        else:
            # one document drawn again and again has no spread
            interval = f" ({100 * low:.0f}–{100 * high:.0f})" if values["documents"] > 1 else ""
            cells.append(f"{100 * score['f1']:.1f}{interval}")
    return f"| {name} | {values['documents']} | " + " | ".join(cells) + " |"
