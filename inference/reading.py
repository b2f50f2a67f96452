"""Reading of articles: files of any known kind, folders, globs and standard input."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from itertools import chain, count
from os import PathLike, fspath
from pathlib import Path
from typing import IO, NoReturn

from bangfu.inference import csv_reader, encodings, jsonl_reader, listing
from bangfu.inference.article import Article, Source
from bangfu.inference.byte_stream import byte_stream
from bangfu.inference.form import FORMS, Form
from bangfu.inference.input_error import InputError, reason
from bangfu.inference.plain import Plain
from bangfu.inference.record import Record
from bangfu.inference.text_stream import TextStream
from bangfu.labels.text_lines import BROKEN
from bangfu.labels.user_error import UserError

_EXTRAS = ("html", "docx", "pdf", "parquet")  # whose readers need what a base install does not bring
_EXTRACTORS = {"jsonl": "json", "csv": "csv", "parquet": "pyarrow"}

Skipped = Callable[[InputError], None]


def read(
    *sources: str | PathLike[str],
    form: Form | None = None,
    column: str | None = None,
    encoding: str | None = None,
    skipped: Skipped | None = None,
    note: Callable[[str], None] | None = None,
    leave_out: Path | None = None,
) -> Iterator[Article]:
    """Yield the articles of files, folders (all that lies below), globs and, for ``-``, standard input.

    A .txt, .html, .docx or .pdf file is an article; .jsonl, .csv and .parquet hold one a row; each may be
    packed as .gz or .xz. ``form`` is what the files are, in place of what their names say (standard input
    is txt). ``column`` holds the text of a table; ``text``, or a guess, when not given. ``encoding`` is
    detected when not given. What cannot be read goes to ``skipped`` as an InputError, and the rest follows;
    without it the first such error is raised. ``note`` takes a line on each guess. ``leave_out`` is a file
    not to be read where a folder or glob holds it, such as the output.

    Files are opened one after the other, tables are read by pieces. Raises ImportError with the command that
    helps when a file needs an extra, before the first article.
    """
    if form is not None and form not in FORMS:
        raise UserError(f"unknown kind of file {form!r}; use one of {', '.join(FORMS)}")
    if encoding is not None:
        encodings.check(encoding)
    return _Reading(column, encoding, skipped or _raise, note or _ignore).articles(
        listing.files([fspath(source) for source in sources], form, skipped or _raise, leave_out)
    )


def _raise(error: InputError) -> NoReturn:
    raise error


def _ignore(note: str) -> None:
    pass


class _Reading:
    """One reading of a list of files; it knows which ids are taken."""

    def __init__(self, column: str | None, encoding: str | None, skipped: Skipped, note: Callable[[str], None]) -> None:
        self._column, self._encoding, self._report, self._note = column, encoding, skipped, note
        self._reported = 0
        self._ids: set[int] = set()  # of each id a hash, as there may be millions

    def articles(self, files: list[listing.File]) -> Iterator[Article]:
        for form in {file.form for file in files} & set(_EXTRAS):
            importlib.import_module(f"bangfu.inference.{form}_reader")
        return chain.from_iterable(map(self._articles, files))

    def _skipped(self, error: InputError) -> None:
        self._reported += 1
        self._report(error)

    def _articles(self, file: listing.File) -> Iterator[Article]:
        reader = self._rows if file.form in ("jsonl", "csv", "parquet") else self._whole
        nothing = True
        reported = self._reported
        try:
            for article in reader(file):
                nothing = False
                yield article
            if nothing and self._reported == reported:
                raise InputError(f"{file.path}: no article in it; give a file with text")
        except InputError as error:
            self._skipped(error)
        except BROKEN as error:
            self._skipped(InputError(f"{file.path}: cannot be read ({reason(error)}); check the file"))

    def _whole(self, file: listing.File) -> Iterator[Article]:
        with byte_stream(file.path) as stream:
            raw = stream.read()
        plain = self._plain(file, raw)
        if not plain.text.strip():
            raise InputError(f"{file.path}: empty; give a file with text")
        if plain.note:
            self._note(plain.note)
        source = Source(file.path, plain.extractor, len(plain.text), plain.encoding)
        yield Article(self._id(file.name, file.path), plain.text, source)

    def _plain(self, file: listing.File, raw: bytes) -> Plain:
        if file.form == "html":
            from bangfu.inference import html_reader

            return html_reader.read(raw, file.path, self._encoding)
        if file.form == "docx":
            from bangfu.inference import docx_reader

            return docx_reader.read(raw, file.path)
        if file.form == "pdf":
            from bangfu.inference import pdf_reader

            return pdf_reader.read(raw, file.path)
        text, encoding = encodings.decode(raw, file.path, self._encoding)
        return Plain(text, "plain text", encoding)

    def _rows(self, file: listing.File) -> Iterator[Article]:
        with byte_stream(file.path) as stream:
            lines = TextStream(stream, file.path, self._encoding, self._skipped)
            said = self._column is not None
            for row, column, text, name in self._records(file, stream, lines):
                if not said and column != "text":
                    self._note(f"{file.path}: text is taken from {column!r}; --column names another")
                said = True
                encoding = None if file.form == "parquet" else lines.encoding
                source = Source(file.path, _EXTRACTORS[file.form], len(text), encoding, row, column)
                yield Article(self._id(name, f"{file.name}:{row}"), text, source)

    def _records(self, file: listing.File, stream: IO[bytes], lines: TextStream) -> Iterator[Record]:
        if file.form == "jsonl":
            return jsonl_reader.records(lines, file.path, self._column, self._skipped)
        if file.form == "csv":
            return csv_reader.records((line for _, line in lines), file.path, self._column, self._skipped)
        from bangfu.inference import parquet_reader

        return parquet_reader.records(stream, file.path, self._column)

    def _id(self, own: str | None, place: str) -> str:
        # an id that another article has already gives way to the place
        for name in chain([place if own is None else own, place], (f"{place}#{number}" for number in count(2))):
            if hash(name) not in self._ids:
                self._ids.add(hash(name))
                return name
        raise AssertionError("count does not end")
