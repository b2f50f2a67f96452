"""``bangfu extract FILE…``: entities of articles."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from tqdm import tqdm

from bangfu.inference.article import Article
from bangfu.inference.extractor import BATCH_TOKENS, Extractor
from bangfu.inference.form import FORMS
from bangfu.inference.input_error import InputError
from bangfu.inference.reading import read
from bangfu.inference.writer import FORMATS, Format, writer
from bangfu.labels.user_error import UserError

_LOOK_AHEAD = 64


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("extract", help="find entities in articles")
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help=f"file ({', '.join(f'.{form}' for form in FORMS)}; .gz and .xz too), folder or glob; - is standard input",
    )
    parser.add_argument("--input", choices=FORMS, help="what the files are, instead of going by their names")
    parser.add_argument(
        "--column", help="that holds the text, or the key in JSON lines; 'text' or a guess when not given"
    )
    parser.add_argument("--encoding", help="of text, HTML, JSON lines and CSV, instead of detecting it")
    parser.add_argument("--output", "-o", type=Path, help="file to write; standard output when not given")
    parser.add_argument("--format", choices=FORMATS, help="of the output, instead of going by its name")
    parser.add_argument("--model", type=Path, help="model folder; the shipped model when not given")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    parser.add_argument("--precision", choices=("auto", "int8", "fp32"), default="auto", help="auto: int8 on a CPU")
    parser.add_argument("--threads", type=int, default=0, help="threads of a batch; all cores when not given")
    parser.add_argument(
        "--batch-tokens", type=int, default=BATCH_TOKENS, help=f"tokens of a batch (default {BATCH_TOKENS})"
    )
    parser.add_argument(
        "--min-score", type=float, default=0.0, metavar="P", help="leave out entities less sure, 0 to 1"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Extract and write."""
    form = arguments.format
    if form is None:
        form = arguments.output.suffix[1:].lower() if arguments.output else "jsonl"
        if form not in FORMATS:
            raise UserError(f"{arguments.output}: which form? name it .jsonl, .csv or .html, or give --format")
    extractor = Extractor.load(
        arguments.model,
        device=arguments.device,
        backend=arguments.backend,
        precision=arguments.precision,
        threads=arguments.threads,
        batch_tokens=arguments.batch_tokens,
        min_score=arguments.min_score,
    )
    skipped = 0

    def report(error: InputError) -> None:
        nonlocal skipped
        skipped += 1
        _say(f"skipped: {error}")

    articles = read(
        *arguments.files,
        form=arguments.input,
        column=arguments.column,
        encoding=arguments.encoding,
        skipped=report,
        note=_say,
        leave_out=arguments.output,
    )
    first = next(articles, None)
    if first is not None:  # else an output file stays as it was
        _write(extractor, chain([first], articles), arguments.output, form)
    return 1 if skipped else 0


def _say(line: str) -> None:
    tqdm.write(f"bangfu: {line}", file=sys.stderr)


def _write(extractor: Extractor, articles: Iterator[Article], output: Path | None, form: Format) -> None:
    # the bar would mingle with results on the same terminal
    quiet = not sys.stderr.isatty() or (output is None and sys.stdout.isatty())
    with writer(output, form) as write, tqdm(unit=" articles", disable=quiet) as bar:
        while batch := list(islice(articles, _LOOK_AHEAD)):
            for article, entities in zip(batch, extractor([article.text for article in batch]), strict=True):
                write(article, entities)
                bar.update()
