"""Writers of extracted entities: JSON lines, CSV, an HTML page and Parquet."""

from __future__ import annotations

import csv
import importlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path
from typing import IO, Literal

from bangfu.inference import page
from bangfu.inference.article import Article
from bangfu.inference.entity import Entity
from bangfu.inference.input_error import reason
from bangfu.labels import atomic_file
from bangfu.labels.user_error import UserError

Format = Literal["jsonl", "csv", "html", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "html", "parquet")
Write = Callable[[Article, Sequence[Entity]], None]


def check(target: Path | None, form: Format, overwrite: bool = True) -> None:
    """UserError when a file cannot be written there, or is there already and ``overwrite`` is not given."""
    if form == "parquet":
        importlib.import_module("bangfu.inference.parquet_writer")
        if target is None or (target.exists() and not target.is_file()):
            raise UserError("Parquet needs a file that can be read back; name one with --output")
    if target is None:
        if sys.stdout is None:  # as Python has it when the shell closed it
            raise UserError("standard output is closed; name a file with --output")
        return
    if _takes(target):
        return
    target = target.resolve()
    if target.is_dir():
        raise UserError(f"{target}: a folder; name a file, or end the name with /")
    atomic_file.check(target)
    if target.is_file() and not overwrite:
        raise UserError(f"{target}: is there already; --overwrite replaces it")


def _takes(target: Path) -> bool:
    """Whether it is a pipe or a device, which takes what is written and must not be replaced by a file."""
    return target.exists() and not target.is_file() and not target.is_dir()


@contextmanager
def writer(target: Path | None, form: Format = "jsonl") -> Iterator[Write]:
    """Yield a function that takes an article and its entities.

    A file appears whole, when the block ends without an error, or not at all; ``None`` is standard
    output. UserError when it cannot be written.
    """
    check(target, form)
    try:
        yield from _writes(target, form)
    except BrokenPipeError:
        raise  # the reader has gone, which is no error
    except OSError as error:
        name = "standard output" if target is None else target
        raise UserError(f"{name}: cannot be written ({reason(error)}); make room, or name another place") from error


def _writes(target: Path | None, form: Format) -> Iterator[Write]:
    # a lone surrogate becomes its escape, which in JSON reads back as the same character
    options = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    if target is None:
        # what has been answered is seen, also while more is waited for
        out = io.TextIOWrapper(sys.stdout.buffer, line_buffering=True, **options)  # type: ignore[arg-type]
        try:
            yield from _frame(out, form)
            out.flush()
        finally:
            with suppress(OSError):  # what is still held cannot be written either
                out.detach()
        return
    if _takes(target):
        with target.open("w", **options) as file:  # type: ignore[call-overload]
            yield from _frame(file, form)
        return
    target = target.resolve()  # a link stays, and what it leads to is replaced
    with atomic_file.replaced(target) as partial:
        if form == "parquet":
            from bangfu.inference.parquet_writer import parquet_rows

            with parquet_rows(partial) as write:
                yield write
            return
        with partial.open("w", **options) as file:  # type: ignore[call-overload]
            if form == "csv":
                file.write("\ufeff")  # spreadsheet programs take a CSV without it for the local code page
            yield from _frame(file, form)


def _frame(out: IO[str], form: Format) -> Iterator[Write]:
    if form == "jsonl":

        def json_line(article: Article, entities: Sequence[Entity]) -> None:
            value = {
                "id": article.id,
                "text": article.text,
                "source": article.source.to_json(),
                "entities": [entity.to_json() for entity in entities],
            }
            out.write(json.dumps(value, ensure_ascii=False) + "\n")

        yield json_line
    elif form == "csv":
        rows = csv.writer(out)
        rows.writerow(["id", "start", "end", "label", "text", "score", "number", "upper", "unit", "sense"])

        def csv_rows(article: Article, entities: Sequence[Entity]) -> None:
            for entity in entities:
                row = [article.id, entity.start, entity.end, entity.label, entity.text, entity.score]
                value = entity.value
                says = [None] * 4 if value is None else [value.number, value.upper, value.unit, value.sense]
                rows.writerow([*row, *says])

        yield csv_rows
    else:
        out.write(page.opening("bangfu: entities") + f"<p>{page.legend()}</p>\n")

        def section(article: Article, entities: Sequence[Entity]) -> None:
            marks = [
                page.Mark(
                    entity.start,
                    entity.end,
                    entity.label,
                    entity.label,
                    f"[{entity.start}, {entity.end}) score {entity.score:.2f}{_says(entity)}",
                )
                for entity in entities
            ]
            out.write(f'<h2>{escape(article.id)}</h2>\n<div class="text">{page.highlight(article.text, marks)}</div>\n')

        yield section
        out.write(page.CLOSING)


def _says(entity: Entity) -> str:
    value = entity.value
    if value is None:
        return ""
    upper = "" if value.upper is None else f"–{value.upper:,}"
    return f": {value.number:,}{upper} {value.unit} ({value.sense})"
