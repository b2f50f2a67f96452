"""``bangfu evaluate GOLD``: strict span F1 of a model on labelled documents."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from bangfu.inference.cleaning import untouched
from bangfu.inference.extractor import Extractor
from bangfu.labels import labelled_file
from bangfu.labels.user_error import UserError
from bangfu.training import evaluation, evaluation_page
from bangfu.training.augmentation_config import AugmentationConfig, TransformName


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("evaluate", help="measure a model on labelled documents")
    parser.add_argument("gold", type=Path, metavar="GOLD", help="labelled documents, such as GOLD.jsonl")
    parser.add_argument("--model", type=Path, help="model folder; the shipped model when not given")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for metrics.json and errors.html")
    parser.add_argument("--documents", nargs="+", metavar="ID", help="measure these documents only")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    parser.add_argument("--precision", choices=("auto", "int8", "fp32"), default="auto", help="auto: int8 on a CPU")
    parser.add_argument(
        "--noise", nargs="+", default=[], metavar="NAME", choices=sorted(get_args(TransformName)),
        help="make the documents noisy first: traditional, pinyin, garbled … (needs the extra 'train')",
    )  # fmt: skip
    parser.add_argument(
        "--no-cleaning", action="store_true", help="read the text as it is, to see what cleaning is worth"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a table, and write the files."""
    documents = labelled_file.read(arguments.gold)
    if arguments.documents:
        unknown = set(arguments.documents) - {document.id for document in documents}
        if unknown:
            raise UserError(f"{arguments.gold}: no document {sorted(unknown)[0]!r}; leave --documents out for all")
        documents = [document for document in documents if document.id in arguments.documents]
    name = arguments.gold.name
    if arguments.noise:
        from bangfu.training.augmentation import Augmenter

        documents = Augmenter(AugmentationConfig(**dict.fromkeys(arguments.noise, 1.0)), seed=17)(documents, epoch=0)
        name += f" with {', '.join(arguments.noise)}"
    extractor = Extractor.load(
        arguments.model, device=arguments.device, backend=arguments.backend, precision=arguments.precision
    )
    if arguments.no_cleaning:
        extractor.cleaning = untouched
        name += ", not cleaned"
    comparisons = evaluation.measure(extractor, documents)
    values = evaluation.metrics(comparisons, f"{extractor.settings.name} on {name}")
    print(evaluation.table(values))
    if arguments.output:
        files = (arguments.output / "metrics.json", arguments.output / "errors.html")
        print(evaluation_page.write_with_figures(comparisons, values, *files, values["model"]))
    return 0
