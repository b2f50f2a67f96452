"""Kinds of files that articles are read from."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal, get_args

Form = Literal["txt", "html", "docx", "pdf", "jsonl", "csv", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)
COMPRESSED = (".gz", ".xz")

_FORMS: dict[str, Form] = {f".{form}": form for form in FORMS} | {".htm": "html", ".shtml": "html", ".xhtml": "html"}


def form_of(name: str) -> Form | None:
    """The kind of a file by its name, .gz and .xz left aside; None for a kind that cannot be read."""
    path = PurePath(name)
    if path.suffix.lower() in COMPRESSED:
        path = path.with_suffix("")
    return _FORMS.get(path.suffix.lower())
