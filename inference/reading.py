"""Reading of articles: files of any known kind, folders, globs and standard input."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain, count
from os import PathLike, fspath
from pathlib import Path
from typing import IO, NoReturn

from bangfu.inference import csv_reader, encodings, jsonl_reader, listing
from bangfu.inference.article import Article, Source
from bangfu.inference.byte_stream import StandardInput, byte_stream
from bangfu.inference.form import FORMS, Form
from bangfu.inference.input_error import InputError, reason
from bangfu.inference.plain import Plain
from bangfu.inference.record import Record
from bangfu.inference.text_stream import TextStream
from bangfu.labels.text_lines import BROKEN
from bangfu.labels.user_error import UserError

_EXTRAS = ("html", "docx", "pdf", "parquet")  # whose readers need what a base install does not bring
_EXTRACTORS = {"jsonl": "json", "csv": "csv", "parquet": "pyarrow"}
ROWS = tuple(_EXTRACTORS)  # hold many articles

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
    or folder not to be read where a folder or glob holds it, such as the output.

    Files are opened one after the other, tables are read by pieces. Raises ImportError with the command that
    helps when a file needs an extra, before the first article.
    """
    return Reading(
        sources, form=form, column=column, encoding=encoding, skipped=skipped, note=note, leave_out=leave_out
    ).articles()


def _raise(error: InputError) -> NoReturn:
    raise error


def _ignore(note: str) -> None:
    pass


def _size(file: listing.File) -> int | None:
    path = Path(file.path)
    try:
        return path.stat().st_size if file.path != "-" and path.is_file() else None
    except OSError:
        return None


class Reading:
    """One reading of a list of files, in order; it knows which ids are taken. The options are those of :func:`read`.

    ``files`` takes the place of ``sources`` where the files are known. Two readings of the same files give the
    same articles under the same ids. ``files`` is what will be read, ``bytes_read`` how much of it has been, .gz
    and .xz counted as they lie there.
    """

    def __init__(
        self,
        sources: Iterable[str | PathLike[str]] = (),
        *,
        files: list[listing.File] | None = None,
        form: Form | None = None,
        column: str | None = None,
        encoding: str | None = None,
        skipped: Skipped | None = None,
        note: Callable[[str], None] | None = None,
        leave_out: Path | None = None,
    ) -> None:
        if form is not None and form not in FORMS:
            raise UserError(f"unknown kind of file {form!r}; use one of {', '.join(FORMS)}")
        if encoding is not None:
            encoding = encodings.named(encoding)
        self._column, self._encoding, self._report, self._say = column, encoding, skipped or _raise, note or _ignore
        self._reported = 0
        self._passing = False
        self.bytes_read = 0
        self._input: IO[bytes] | None = None  # that rows are read from now
        given = [fspath(source) for source in sources]
        self.files = listing.files(given, form, self._report, leave_out) if files is None else files

    def size(self) -> int | None:
        """Bytes of all files; None when one of them is a stream or gone."""
        sizes = [_size(file) for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def waits(self) -> bool:
        """Whether the next article is still to come through standard input; what it waits for is a line."""
        return isinstance(self._input, StandardInput) and self._input.waits()

    def fingerprint(self) -> str | None:
        """A hash of the names, sizes and times of change of all files; None when one is a stream or gone."""
        digest = hashlib.blake2b(digest_size=16)
        for file in self.files:
            if _size(file) is None:
                return None
            found = Path(file.path).stat()
            place = f"{file.path}\0{file.name}\0{file.form}\0{found.st_size}\0{found.st_mtime_ns}\0"
            digest.update(place.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def articles(self, passed: int = 0) -> Iterator[Article]:
        """Read all; of the first ``passed`` files only the ids, as of a reading that was broken off behind them."""
        for form in {file.form for file in self.files} & set(_EXTRAS):
            importlib.import_module(f"bangfu.inference.{form}_reader")
        return self._all(passed)

    def _all(self, passed: int) -> Iterator[Article]:
        from bangfu.inference.ids import Ids  # SQLite is of no use to those who only call an Extractor

        with closing(Ids()) as self._ids:
            for number, file in enumerate(self.files):
                self._passing = number < passed
                before = self.bytes_read
                if self._passing and file.form not in ROWS:
                    self._id(file.name, file.path)
                else:
                    yield from (article for article in self._articles(file) if not self._passing)
                # of Parquet only some columns are read
                self.bytes_read = max(self.bytes_read, before + (_size(file) or 0))

    def _count(self, size: int) -> None:
        self.bytes_read += size

    def _note(self, note: str) -> None:
        if not self._passing:
            self._say(note)

    def _skipped(self, error: InputError) -> None:
        self._reported += 1
        if not self._passing:
            self._report(error)

    def _articles(self, file: listing.File) -> Iterator[Article]:
        reader = self._rows if file.form in ROWS else self._whole
        nothing = True
        reported = self._reported
        try:
            for article in reader(file):
                nothing = False
                yield article
            if nothing and self._reported == reported:
                raise InputError("no article in it; give a file with text", file.path)
        except InputError as error:
            self._skipped(error)
        except BROKEN as error:
            self._skipped(InputError(f"cannot be read ({reason(error)}); check the file", file.path))

    def _whole(self, file: listing.File) -> Iterator[Article]:
        name = self._id(
            file.name, file.path
        )  # before anything can fail: it is taken whether the file can be read or not
        with byte_stream(file.path, self._count) as stream:
            raw = stream.read()
        plain = self._plain(file, raw)
        if not plain.text.strip():
            raise InputError("empty; give a file with text", file.path)
        if plain.note:
            self._note(plain.note)
        source = Source(file.path, plain.extractor, len(plain.text), plain.encoding)
        yield Article(name, plain.text, source)

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
        with byte_stream(file.path, self._count) as stream:
            self._input = stream
            # a line of CSV that is left out would shift its rows, or part a cell
            skipped = None if file.form == "csv" else self._skipped
            lines = TextStream(stream, file.path, self._encoding, skipped)
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
            if self._ids.add(name):
                return name
        raise AssertionError("count does not end")
