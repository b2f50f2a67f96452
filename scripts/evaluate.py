"""``bangfu evaluate GOLD``: strict span F1 of a model on labelled documents."""

from __future__ import annotations

import argparse
from pathlib import Path

from bangfu.inference.extractor import Extractor
from bangfu.labels import labelled_file
from bangfu.labels.atomic_file import write_json
from bangfu.labels.user_error import UserError
from bangfu.training import evaluation, evaluation_page


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("evaluate", help="measure a model on labelled documents")
    parser.add_argument("gold", type=Path, metavar="GOLD", help="labelled documents, such as GOLD.jsonl")
    parser.add_argument("--model", type=Path, help="model folder; the shipped model when not given")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for metrics.json and errors.html")
    parser.add_argument("--documents", nargs="+", metavar="ID", help="measure these documents only")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a table, and write the files."""
    documents = labelled_file.read(arguments.gold)
    if arguments.documents:
        unknown = set(arguments.documents) - {document.id for document in documents}
        if unknown:
            raise UserError(f"{arguments.gold}: no document {sorted(unknown)[0]!r}; leave --documents out for all")
        documents = [document for document in documents if document.id in arguments.documents]
    extractor = Extractor.load(arguments.model, device=arguments.device, backend=arguments.backend)
    comparisons = evaluation.measure(extractor, documents)
    values = evaluation.metrics(comparisons, extractor.settings.name)
    print(evaluation.table(values))
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        write_json(arguments.output / "metrics.json", values)
        title = f"{extractor.settings.name} on {arguments.gold.name}"
        evaluation_page.write(comparisons, arguments.output / "errors.html", title)
        print(f"written: {arguments.output / 'metrics.json'}, {arguments.output / 'errors.html'}")
    return 0
