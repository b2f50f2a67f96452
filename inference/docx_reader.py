"""Word files, by python-docx, of the extra ``docx``: paragraphs and tables in the order of the document."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from bangfu.inference.input_error import InputError, reason
from bangfu.inference.plain import Plain

try:
    import docx
except ImportError as error:
    raise ImportError("Word files need python-docx: pip install 'bangfu[docx]'") from error

# what stands in the text but is not of it: properties, deleted words, the second form of a picture, readings of ruby
_PASSED_OVER = {"pPr", "rPr", "tblPr", "trPr", "tcPr", "sectPr", "sdtPr", "del", "moveFrom", "Fallback", "rt"}
_BREAKS = {"br": "\n", "cr": "\n", "tab": "\t", "noBreakHyphen": "-"}


def read(raw: bytes, where: str) -> Plain:
    """The text of a .docx: a line a paragraph and a table row, cells parted by tabs; InputError when broken."""
    try:
        body = docx.Document(io.BytesIO(raw)).element.body
        text = "\n".join(_lines(body))
    except Exception as error:  # what a parser raises on a broken file is not bounded
        raise InputError(f"not a whole .docx ({reason(error)}); save it as .docx anew", where) from error
    return Plain(text, "python-docx")


def _name(element: Any) -> str:
    # comments have no name of text
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _lines(block: Any) -> Iterator[str]:
    # python-docx's own paragraphs leave out what Word marks as inserted, as a place name or as a form field
    for child in block:
        name = _name(child)
        if name == "p":
            yield _paragraph(child)
        elif name == "tr":
            yield "\t".join(" ".join(filter(None, _lines(cell))) for cell in child if _name(cell) in ("tc", "sdt"))
        elif name not in _PASSED_OVER:
            yield from _lines(child)


def _paragraph(element: Any) -> str:
    parts = []
    for child in element:
        name = _name(child)
        if name == "t":
            parts.append(child.text or "")
        elif name in _BREAKS:
            parts.append(_BREAKS[name])
        elif name == "txbxContent":
            parts.append("\n" + "\n".join(_lines(child)) + "\n")
        elif name not in _PASSED_OVER:
            parts.append(_paragraph(child))
    return "".join(parts)
