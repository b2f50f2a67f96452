"""``bangfu extract FILE…``: entities of articles."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bangfu.inference import writer
from bangfu.inference.backend import BACKENDS, DEVICES, PRECISIONS
from bangfu.inference.entity import Entity
from bangfu.inference.extraction import Summary, extracted
from bangfu.inference.extractor import BATCH_TOKENS, CUDA_BATCH_TOKENS, Extractor, checked_score
from bangfu.inference.form import COMPRESSED, FORMS
from bangfu.inference.input_error import InputError
from bangfu.inference.listing import within
from bangfu.inference.model_folder import SHIPPED, ModelFolder
from bangfu.inference.parts import Errors, write_parts
from bangfu.inference.reading import Reading
from bangfu.inference.run_folder import RUN, RunFolder
from bangfu.labels.user_error import UserError, one_line
from bangfu.scripts.progress import Progress

_PART_SIZE = 10_000


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
    parser.add_argument(
        "--output",
        "-o",
        help="file to write, or folder (a name that ends with /) for parts; standard output when not given, or -",
    )
    parser.add_argument("--format", choices=writer.FORMATS, help="of the output, instead of going by its name")
    parser.add_argument("--overwrite", action="store_true", help="replace the output, or the run, that is there")
    parser.add_argument("--parts", action="store_true", help="the output is a folder; a run that was stopped goes on")
    parser.add_argument(
        "--part-size", type=int, default=_PART_SIZE, help=f"articles a part (default {_PART_SIZE:,})", metavar="N"
    )
    parser.add_argument("--model", type=Path, help="model folder; the shipped model when not given")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--backend", choices=BACKENDS, default="onnx")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="auto: int8 on a CPU where the model has it, fp16 on a GPU with --backend torch",
    )
    parser.add_argument("--threads", type=int, default=0, help="threads on a CPU; all cores when not given")
    parser.add_argument(
        "--batch-tokens",
        type=int,
        metavar="N",
        help=f"tokens of a batch (default {BATCH_TOKENS:,}, on a GPU {CUDA_BATCH_TOKENS:,})",
    )
    parser.add_argument(
        "--min-score",
        type=float,
        metavar="P",
        help="least score of an entity, 0 to 1; the model's own when not given",
    )
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="ray writes parts on many machines")
    parser.add_argument("--address", help="of a Ray cluster; one of this machine's is started when not given")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes that clean, tokenise and decode beside the model (default: none; on a GPU cores but one, at "
        "most 8); with ray its actors, each with a model (default: CPUs but one, or the cores of this machine; with "
        "--device cuda as many as GPUs at most)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Extract and write; 1 when something was skipped."""
    if arguments.output == "":
        raise UserError("an empty name for the output; give a file, a folder, or . for this folder")
    output = None if arguments.output in (None, "-") else Path(arguments.output)
    if output is not None:
        _spare_input(arguments.files, output)
    parts = arguments.parts or arguments.engine == "ray"
    if parts and output is None:
        raise UserError("parts need a folder; name it with --output")
    if output is not None and (parts or arguments.output.endswith("/") or output.is_dir()):
        return _in_parts(arguments, output)
    form = _form(arguments, output)
    writer.check(output, form, arguments.overwrite)
    summary = Summary()

    def skipped(error: InputError) -> None:
        summary.skipped += 1
        _say_skipped(error)

    reading = _reading(arguments, output, skipped)
    extractor = _extractor(arguments)
    articles = reading.articles()
    first = next(articles, None)
    if first is not None:  # else an output file stays as it was
        # the bar would mingle with results on the same terminal
        with (
            Progress(reading, output is None and sys.stdout.isatty()) as progress,
            writer.writer(output, form) as write,
        ):
            for article, entities in extracted(extractor, chain([first], articles), reading.waits):
                write(article, entities)
                summary.add(article, entities)
                progress.each(len(article.text))
        if output is not None:
            _say(f"{summary}; {progress.pace()}")
    return 1 if summary.skipped else 0


def _spare_input(sources: Sequence[str], output: Path) -> None:
    # a device may be both
    for source in sources if output.is_file() or output.is_dir() else ():
        if source and within(source, output):
            raise UserError(f"{output}: is or holds the input {source}; name another output")


def _in_parts(arguments: argparse.Namespace, output: Path) -> int:
    form: writer.Format = arguments.format or "jsonl"
    if arguments.part_size < 1:
        raise UserError(f"--part-size {arguments.part_size} must be at least 1")
    if arguments.engine == "ray" and arguments.workers is not None and arguments.workers < 1:
        raise UserError(f"--workers {arguments.workers} must be at least 1")
    if form == "parquet":
        from bangfu.inference import parquet_writer  # noqa: F401 - says at once that the extra is missing
    if arguments.engine == "ray":
        from bangfu.inference import ray_engine  # so does this

        if arguments.min_score is not None:
            checked_score(arguments.min_score)  # before a worker does
    with ExitStack() as stack:
        # what is there goes when nothing is known any more to keep a run from taking its place
        extractor = None
        if arguments.overwrite and (output / RUN).exists():
            if arguments.engine == "ray":
                ray_engine.check(arguments.files)
                on_gpu = arguments.device == "cuda"  # the GPUs are those of the cluster
                if not on_gpu:
                    Extractor.load(**_on_actor(arguments))  # says what the actors would
                stack.enter_context(ray_engine.connected(arguments.address, arguments.workers))
                if on_gpu:
                    ray_engine.check_gpu(arguments.address)
            else:
                extractor = _extractor(arguments)
            if not _any_article(arguments, output):
                _say(f"{output}: stays as it is; there is no article to take its place")
                return 1
        errors = Errors(_say_skipped)
        reading = _reading(arguments, output, errors)
        folder = stack.enter_context(RunFolder.open(output, _settings(arguments, reading, form), arguments.overwrite))
        if folder.progress.finished:
            _say(f"{output}: this run is finished: {folder.progress.summary}; --overwrite starts anew")
        else:
            if folder.progress.parts:
                _say(f"{output}: goes on behind {folder.progress.summary.articles:,} articles")
            if arguments.engine == "ray":
                progress = _on_ray(arguments, reading, errors, folder, form)
            else:
                extractor = extractor or _extractor(arguments)
                with Progress(reading) as progress:
                    write_parts(extractor, reading, errors, folder, form, arguments.part_size, progress.each)
            _say(f"{folder.progress.summary}; {progress.pace()}")
        return 1 if folder.progress.summary.skipped else 0


def _any_article(arguments: argparse.Namespace, output: Path) -> bool:
    # says what was skipped where there is none; a stream, which can be read only once, counts as one
    errors: list[InputError] = []
    reading = _reading(arguments, output, errors.append, note=lambda _: None)
    articles = reading.articles()  # says which extra is missing
    found = bool(reading.files) if reading.size() is None else next(articles, None) is not None
    for error in () if found else errors:
        _say_skipped(error)
    return found


def _on_ray(
    arguments: argparse.Namespace, reading: Reading, errors: Errors, folder: RunFolder, form: writer.Format
) -> Progress:
    from bangfu.inference import ray_engine

    work = ray_engine.Work(
        folder=folder.path.resolve(),
        form=form,
        size=arguments.part_size,
        column=arguments.column,
        encoding=arguments.encoding,
        extractor=_on_actor(arguments),
        where=str(Path.cwd()),
    )
    errors.go_to(folder)
    with Progress(reading, by_articles=True) as progress:
        ray_engine.run(work, folder, reading.files, arguments.address, arguments.workers, errors, progress.each)
    return progress


def _settings(arguments: argparse.Namespace, reading: Reading, form: writer.Format) -> dict[str, Any]:
    # what the results depend on
    return {
        "engine": arguments.engine,
        "sources": arguments.files,
        "input": arguments.input,
        "column": arguments.column,
        "encoding": arguments.encoding,
        "files": len(reading.files),
        "bytes": reading.size(),
        "files_changed": reading.fingerprint(),
        "format": form,
        "part_size": arguments.part_size,
        "backend": arguments.backend,
        "device": arguments.device,
        "precision": arguments.precision,
        "min_score": arguments.min_score,
        "entity": [field.name for field in dataclasses.fields(Entity)],
        "model": ModelFolder.load(arguments.model or SHIPPED).fingerprint(),
    }


def _form(arguments: argparse.Namespace, output: Path | None) -> writer.Format:
    if output is not None and output.suffix.lower() in COMPRESSED:
        plain = output.with_suffix("")
        raise UserError(f"{output}: no packed file is written; name it {plain}, and pack it when it is there")
    form = arguments.format or (output.suffix[1:].lower() if output else "jsonl")
    if form not in writer.FORMATS:
        kinds = ", ".join(f".{form}" for form in writer.FORMATS)
        raise UserError(f"{output}: which form? name it {kinds}, end it with / for a folder, or give --format")
    return form


def _reading(
    arguments: argparse.Namespace,
    output: Path | None,
    skipped: Callable[[InputError], None],
    note: Callable[[str], None] | None = None,
) -> Reading:
    return Reading(
        arguments.files,
        form=arguments.input,
        column=arguments.column,
        encoding=arguments.encoding,
        skipped=skipped,
        note=note or _say,
        leave_out=output,
    )


def _extractor(arguments: argparse.Namespace) -> Extractor:
    return Extractor.load(**_load(arguments), workers=arguments.workers)


def _load(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("device", "backend", "precision", "threads", "batch_tokens", "min_score")
    return {"path": arguments.model} | {name: getattr(arguments, name) for name in names}


def _on_actor(arguments: argparse.Namespace) -> dict[str, Any]:
    # an actor is given one core, and would otherwise start a thread for each core of its machine
    return _load(arguments) | {"threads": arguments.threads or 1}


def _say(line: str) -> None:
    tqdm.write(f"bangfu: {one_line(line)}", file=sys.stderr)


def _say_skipped(error: InputError) -> None:
    _say(f"skipped: {error}")
