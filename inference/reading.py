"""Reading of articles: text files, JSON lines and standard input."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError

Form = Literal["txt", "jsonl"]


class InputError(UserError):
    """Input that cannot be read; the message is one line: what, where, how to mend it."""


def read(source: str, form: Form | None = None) -> Iterator[Document]:
    """Yield the articles of a file, or of standard input where ``source`` is ``-``.

    ``form`` goes by the name when not given (standard input is text). A text is one article whose id is
    ``source``; of JSON lines each object is one, with the fields ``text`` and, if there is one, ``id``.
    Raises InputError.
    """
    if form is None:
        suffix = Path(source).suffix.lower()
        if source != "-" and suffix not in (".txt", ".jsonl"):
            raise InputError(f"{source}: unknown kind of file; give a .txt or .jsonl file, or say which with --input")
        form = "jsonl" if suffix == ".jsonl" else "txt"
    if form == "txt":
        yield Document(source, _decode(_bytes(source), source))
    else:
        yield from _json_lines(source)


def _bytes(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror or error}); check the path") from error


def _decode(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: not UTF-8 (byte {error.start}); convert it, for example: iconv -f GB18030 -t UTF-8"
        ) from error


def _json_lines(source: str) -> Iterator[Document]:
    try:
        lines = io.BytesIO(sys.stdin.buffer.read()) if source == "-" else Path(source).open("rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror or error}); check the path") from error
    with lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{source}:{number}"
            text = _decode(line, where)
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
                raise InputError(f"{where}: not valid JSON ({error}); write one object a line") from error
            if not isinstance(value, dict) or not isinstance(value.get("text"), str):
                raise InputError(f'{where}: no string under \'text\'; write {{"id": …, "text": …}}')
            name = value.get("id")
            if not isinstance(name, str | int | None):
                raise InputError(f"{where}: the id is neither text nor a number; mend it or leave it out")
            yield Document(where if name is None else str(name), value["text"])
