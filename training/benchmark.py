"""The benchmark of accuracy: models and other tools on the same labelled documents, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bangfu.inference import page
from bangfu.inference.cleaning import clean
from bangfu.labels.atomic_file import replaced, write_json
from bangfu.labels.document import Document, Span
from bangfu.labels.schema import LABEL_NAMES
from bangfu.training import report
from bangfu.training.evaluation import MICRO, Comparison, compare, figures

Find = Callable[[str], list[Span]]


def on_clean_text(find: Find) -> Find:
    """The tool with our cleaning in front of it; its spans are told in positions of the raw text."""

    def found(raw: str) -> list[Span]:
        clear = clean(raw)
        return [Span(*clear.raw_range(span.start, span.end), span.label) for span in find(clear.text)]

    return found


def joined_places(find: Find) -> Find:
    """The tool with places that touch made one, as our guidelines have them."""

    def found(text: str) -> list[Span]:
        spans: list[Span] = []
        for span in sorted(find(text)):
            last = spans[-1] if spans else None
            if last and last.label == span.label == "LOC" and last.end == span.start:
                spans[-1] = Span(last.start, span.end, "LOC")
            else:
                spans.append(span)
        return spans

    return found


def compare_all(documents: Sequence[Document], find: Find, name: str) -> list[Comparison]:
    """What a tool finds in each document against its spans, with a progress bar."""
    return [
        compare(document, find(document.text))
        for document in tqdm(documents, desc=name, unit=" docs", leave=False, disable=None)
    ]


def row(tool: str, comparisons: Sequence[Comparison], labels: Sequence[str] = LABEL_NAMES) -> dict[str, Any]:
    """Figures of one tool: F1 with its interval by label, over the labels that it has (``own``), and over all.

    A label that the tool does not have is None; over all labels it counts as never found.
    """
    scores = figures(comparisons)
    own = figures([_only(comparison, labels) for comparison in comparisons])[MICRO]
    by_label = {label: scores[label] if label in labels else None for label in LABEL_NAMES}
    return {
        "tool": tool,
        "documents": len(comparisons),
        "labels": list(labels),
        **by_label,
        "own": own,
        MICRO: scores[MICRO],
    }


def _only(comparison: Comparison, labels: Sequence[str]) -> Comparison:
    document = comparison.document
    spans = tuple(span for span in document.spans if span.label in labels)
    kept = Document(document.id, document.text, spans)
    return compare(kept, [span for span in comparison.found if span.label in labels])


_COLUMNS = (*LABEL_NAMES, "own", MICRO)


def _cells(values: dict[str, Any]) -> Iterator[str]:
    for column in _COLUMNS:
        score = values[column]
        if score is None or not score["gold"] + score["found"]:
            yield "–"
        elif column in LABEL_NAMES or values["documents"] == 1:  # one document drawn again and again has no spread
            yield f"{100 * score['f1']:.1f}"
        else:
            low, high = score["f1_interval"]
            yield f"{100 * score['f1']:.1f} ({100 * low:.0f}–{100 * high:.0f})"


def table(title: str, rows: Sequence[dict[str, Any]]) -> str:
    """The rows as lines to read, in percent."""
    width = max(len(values["tool"]) for values in rows)
    wide = {name: 18 if name in ("own", MICRO) else 8 for name in _COLUMNS}
    lines = [f"{title}: strict F1 in percent, 95 % bootstrap intervals; own: over the labels that a tool has"]
    lines.append(" " * width + "".join(f"{name:>{wide[name]}}" for name in _COLUMNS))
    for values in rows:
        cells = zip(_COLUMNS, _cells(values), strict=True)
        aligned = (f"{cell:>{wide[name]}}" for name, cell in cells)
        lines.append(f"{values['tool']:{width}}" + "".join(aligned))
    return "\n".join(lines)


def write(folder: Path, tables: Sequence[dict[str, Any]]) -> list[Path]:
    """Write ``benchmark.json`` and ``benchmark.html``; tables are ``{"title", "documents", "rows"}``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "benchmark.json", folder / "benchmark.html"]
    write_json(paths[0], {"tables": list(tables)})
    with replaced(paths[1]) as partial:
        partial.write_text("".join(_page(tables)), encoding="utf-8", errors="backslashreplace")
    return paths


def _page(tables: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield page.opening("Accuracy")
    yield (
        "<p>Strict span F1 in percent: start, end and label must agree. In brackets the 95 % bootstrap interval, drawn "
        "over documents. own: over the labels that a tool has; micro: over all, where what it cannot find counts as "
        "missed.</p>\n"
    )
    for one in tables:
        yield f"<h2>{escape(one['title'])}, {one['documents']} documents</h2>\n<table><tr><th>tool"
        yield "".join(f"<th>{name}" for name in _COLUMNS) + "</tr>\n"
        for values in one["rows"]:
            cells = "".join(f'<td class="number">{cell}' for cell in _cells(values))
            yield f"<tr><td>{escape(values['tool'])}{cells}</tr>\n"
        yield "</table>\n"
        try:
            from bangfu.training import charts

            yield report.picture(charts.benchmark(one["rows"], one["title"]), one["title"])
        except ImportError:
            yield "<p>A chart needs matplotlib: pip install 'bangfu[train]'.</p>\n"
    yield page.CLOSING
