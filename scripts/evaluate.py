"""``bangfu evaluate GOLD``: strict span F1 of a model on labelled documents."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from bangfu.inference.backend import BACKENDS, DEVICES, PRECISIONS
from bangfu.inference.cleaning import untouched
from bangfu.inference.extractor import Extractor
from bangfu.labels import atomic_file, labelled_file
from bangfu.labels.schema import LABEL_NAMES
from bangfu.labels.user_error import UserError
from bangfu.training import evaluation, evaluation_page, reliability, report
from bangfu.training.augmentation_config import TransformName
from bangfu.training.evaluation import Comparison


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("evaluate", help="measure a model on labelled documents")
    parser.add_argument("gold", type=Path, metavar="GOLD", help="labelled documents, such as GOLD.jsonl")
    parser.add_argument("--model", type=Path, help="model folder; the shipped model when not given")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder for metrics.json, errors.html, report.html and charts"
    )
    parser.add_argument("--documents", nargs="+", metavar="ID", help="measure these documents only")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--backend", choices=BACKENDS, default="onnx")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="auto: int8 on a CPU")
    parser.add_argument(
        "--min-score",
        type=float,
        metavar="P",
        help="least score of an entity, 0 to 1; the model's own when not given",
    )
    parser.add_argument(
        "--noise", nargs="+", default=[], metavar="NAME", choices=sorted(get_args(TransformName)),
        help="make the documents noisy first: traditional, pinyin, garbled … (needs the extra 'train')",
    )  # fmt: skip
    parser.add_argument(
        "--no-cleaning", action="store_true", help="read the text as it is, to see what cleaning is worth"
    )
    parser.add_argument(
        "--learning-curve", type=Path, metavar="FILE", help="a learning_curve.json to show in the report"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a table, and write the files."""
    if arguments.output:
        atomic_file.check_folder(arguments.output)
    learning = _points(arguments.learning_curve) if arguments.learning_curve else ()
    documents = labelled_file.read(arguments.gold, only=arguments.documents)
    if not documents:
        raise UserError(f"{arguments.gold}: holds no documents; give labelled ones")
    name = arguments.gold.name
    if arguments.noise:
        from bangfu.training.augmentation import noisy

        documents = noisy(documents, arguments.noise)
        name += f" with {', '.join(arguments.noise)}"
    extractor = Extractor.load(
        arguments.model,
        device=arguments.device,
        backend=arguments.backend,
        precision=arguments.precision,
        min_score=arguments.min_score,
    )
    if arguments.no_cleaning:
        extractor.cleaning = untouched
        name += ", not cleaned"
    least = extractor.settings.min_score if arguments.min_score is None else arguments.min_score
    if least:
        name += f", score at least {least:g}"
    every = evaluation.measure(extractor, documents, min_score=0)
    comparisons = evaluation.at_least(every, least)
    values = evaluation.metrics(comparisons, f"{extractor.settings.name} on {name}")
    values |= {"confusion": evaluation.confusion(comparisons), "reliability": reliability.figures(every)}
    print(evaluation.table(values))
    print(_scores(values["reliability"]))
    if arguments.output:
        _write(arguments.output, comparisons, values, learning)
    return 0


def _scores(figures: dict[str, Any]) -> str:
    best = figures["best"]
    return (
        f"scores: expected calibration error {100 * figures['calibration_error']:.2f} % ({figures['binning']}); "
        f"highest F1 {100 * best['f1']:.1f} at --min-score {best['min_score']:.2f}"
    )


def _points(path: Path) -> list[dict[str, Any]]:
    try:
        points: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["points"]
        for point in points:
            # what the chart shows of it
            if point["documents"] < 1 or set(point["f1"]) != {*LABEL_NAMES, evaluation.MICRO}:
                raise ValueError("a point without documents or with other labels")
            sum(point["f1"].values())
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: cannot be read ({what}); give what 'bangfu learning-curve' wrote") from error
    return points


def _write(
    folder: Path, comparisons: Sequence[Comparison], values: dict[str, Any], learning: Sequence[dict[str, Any]]
) -> None:
    files = (folder / "metrics.json", folder / "errors.html")
    print(evaluation_page.write_with_figures(comparisons, values, *files, values["model"]))
    try:
        images = report.charts(values, learning)
    except ImportError as error:
        print(f"bangfu: {error}; the report has its tables only", file=sys.stderr)
        images = {}
    print(f"written: {', '.join(map(str, report.write(folder, comparisons, values, images)))}")
