"""Cross-check: every document read by a model that was not trained on it, to find where marks are wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from bangfu.inference.extractor import Extractor
from bangfu.labels import jsonl
from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError
from bangfu.training import dataset, evaluation, evaluation_page
from bangfu.training.config import TrainingConfig
from bangfu.training.distillation_config import without_teachers
from bangfu.training.evaluation import Comparison
from bangfu.training.finetuning import finished, train


def folds(documents: Sequence[Document], number: int) -> list[tuple[list[Document], list[Document]]]:
    """Pairs of (the others, a fold), document n in fold n modulo ``number``."""
    if not 2 <= number <= len(documents):
        raise UserError(f"{len(documents)} documents cannot be cut into {number} folds; give at least two folds of one")
    return [
        (
            [document for place, document in enumerate(documents) if place % number != fold],
            list(documents[fold::number]),
        )
        for fold in range(number)
    ]


def cross_check(config: TrainingConfig, number: int, say: Callable[[str], None] = print) -> list[Comparison]:
    """Train on all folds but one, read that one, all folds round; the first data set of ``config`` is cut.

    The epochs are those of the settings: the fold that is read does not choose among them. Of what the models find, the
    labels count that this data set annotates. Under ``output`` go
    a run a fold, ``disagreements.html``, ``metrics.json`` and ``found.jsonl`` with the models' spans. A run
    that was stopped goes on, and the models of finished folds are kept. Raises ResumeError where a fold of other
    settings or data lies there.
    """
    without_teachers(config.distillation)
    output = Path(config.output)
    first, *others = config.train
    documents = dataset.load(first)
    compared: list[Comparison] = []
    for fold, (rest, held) in enumerate(folds(documents, number)):
        folder = output / f"fold-{fold}"
        folder.mkdir(parents=True, exist_ok=True)
        # the labels of the file are ours by now, and its neighbours joined
        files = {name: folder / f"{name}.jsonl" for name in ("rest", "held")}
        for name, part in (("rest", rest), ("held", held)):
            jsonl.write(part, files[name])
        settings = dataclasses.replace(
            config,
            name=f"{config.name}-{fold}",
            train=(first.rewritten(str(files["rest"])), *others),
            output=str(folder / "run"),
            keep="last",
            patience=config.epochs,
        )
        model = finished(settings)
        if model is None:
            model = train(settings, say)
        else:
            say(f"{settings.name}: kept")
        compared += evaluation.of_labels(evaluation.measure(Extractor.load(model.path), held), first.annotates)
    title = f"{config.name}: marks and models, {number} folds"
    values = evaluation.metrics(compared, f"{config.name}, {number} folds")
    say(evaluation.table(values))
    reports = (output / "metrics.json", output / "disagreements.html")
    written = evaluation_page.write_with_figures(compared, values, *reports, title)
    found = [Document(one.document.id, one.document.text, one.found) for one in compared]
    jsonl.write(found, output / "found.jsonl")
    say(f"{written}, {output / 'found.jsonl'}")
    return compared
