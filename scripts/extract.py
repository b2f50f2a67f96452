"""``bangfu extract FILE…``: entities of articles."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from bangfu.inference.extractor import Extractor
from bangfu.inference.reading import read
from bangfu.inference.writer import FORMATS, writer
from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError

_LOOK_AHEAD = 64


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("extract", help="find entities in articles")
    parser.add_argument("files", nargs="+", metavar="FILE", help=".txt or .jsonl (field 'text'); - is standard input")
    parser.add_argument("--input", choices=("txt", "jsonl"), help="what the files are, instead of going by their names")
    parser.add_argument("--output", "-o", type=Path, help="file to write; standard output when not given")
    parser.add_argument("--format", choices=FORMATS, help="of the output, instead of going by its name")
    parser.add_argument("--model", type=Path, help="model folder; the shipped model when not given")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    parser.add_argument("--batch-size", type=int, default=16, help="windows a batch (default 16)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Extract and write."""
    form = arguments.format
    if form is None:
        form = arguments.output.suffix[1:].lower() if arguments.output else "jsonl"
        if form not in FORMATS:
            raise UserError(f"{arguments.output}: which form? name it .jsonl, .csv or .html, or give --format")
    extractor = Extractor.load(
        arguments.model, device=arguments.device, backend=arguments.backend, batch_size=arguments.batch_size
    )

    def articles() -> Iterator[Document]:
        for source in arguments.files:
            yield from read(source, arguments.input)

    # the bar would mingle with results on the same terminal
    quiet = not sys.stderr.isatty() or (arguments.output is None and sys.stdout.isatty())
    with writer(arguments.output, form) as write, tqdm(unit=" articles", disable=quiet) as bar:
        batch: list[Document] = []

        def flush() -> None:
            for article, entities in zip(batch, extractor([article.text for article in batch]), strict=True):
                write(article.id, article.text, entities)
                bar.update()
            batch.clear()

        for article in articles():
            batch.append(article)
            if len(batch) == _LOOK_AHEAD:
                flush()
        flush()
    return 0
