"""PDF files, by PDFium, of the extra ``pdf``.

Tried on Chinese PDFs made by a browser and a plotting program, PDFium kept columns apart and gave plain characters
where pypdf and pdfplumber gave radicals (⼿ for 手), odd spaces or mingled columns, and took a tenth of their time.
"""

from __future__ import annotations

from bangfu.inference.input_error import InputError, reason
from bangfu.inference.plain import Plain

try:
    import pypdfium2
except ImportError as error:
    raise ImportError("PDF files need pypdfium2: pip install 'bangfu[pdf]'") from error


def read(raw: bytes, where: str) -> Plain:
    """The text of a PDF, line by line and page by page; InputError when it is broken, locked or has none."""
    try:
        with pypdfium2.PdfDocument(raw) as document:
            pages = [_page(document, number) for number in range(len(document))]
    except Exception as error:  # what a parser raises on a broken file is not bounded
        raise InputError(f"not a whole PDF ({reason(error)}); save it anew, without a password", where) from error
    text = "\n".join(pages)
    if not text.strip():
        raise InputError("a PDF without text, as of scanned pages; have it recognised (OCR) first", where)
    return Plain(text, "pypdfium2")


def _page(document: pypdfium2.PdfDocument, number: int) -> str:
    page = document[number]
    text: str = page.get_textpage().get_text_range()
    page.close()
    # U+FFFE is PDFium's for a hyphen at a line's end
    return text.replace("\r\n", "\n").replace("\ufffe", "-")
