"""The report of an evaluation: one HTML page that holds its charts, and the charts as PNG beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bangfu.inference import page
from bangfu.labels.atomic_file import replaced
from bangfu.training import evaluation_page
from bangfu.training.evaluation import Comparison

REPORT_FILE = "report.html"
_STEPS = (0, 25, 50, 75, 90, 95, 99)


def charts(values: Mapping[str, Any], learning: Sequence[Mapping[str, Any]] = ()) -> dict[str, bytes]:
    """PNG by name of the figures of ``metrics.json`` and of a learning curve; ImportError without matplotlib."""
    from bangfu.training import charts

    made = {
        "f1_by_label": charts.f1_by_label(values["scores"]),
        "confusion": charts.confusion(values["confusion"]),
    }
    if "reliability" in values:
        made["reliability"] = charts.reliability(values["reliability"])
        made["precision_recall"] = charts.precision_recall(values["reliability"])
    if learning:
        made["learning_curve"] = charts.learning_curve(learning)
    return made


def write(
    folder: Path, comparisons: Sequence[Comparison], values: Mapping[str, Any], images: Mapping[str, bytes]
) -> list[Path]:
    """Write the page and the charts into ``folder``, each file atomically; gives their paths."""
    paths = [folder / REPORT_FILE, *(folder / f"{name}.png" for name in images)]
    with replaced(paths[0]) as partial:
        text = "".join(_parts(comparisons, values, images))
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
    for path, image in zip(paths[1:], images.values(), strict=True):
        with replaced(path) as partial:
            partial.write_bytes(image)
    return paths


def picture(image: bytes, name: str) -> str:
    """A PNG as an element that holds it."""
    return f'<p><img style="max-width: 100%" alt="{escape(name)}" src="data:image/png;base64,{_base64(image)}"></p>\n'


def _base64(image: bytes) -> str:
    return base64.b64encode(image).decode("ascii")


def _parts(comparisons: Sequence[Comparison], values: Mapping[str, Any], images: Mapping[str, bytes]) -> Iterator[str]:
    def shown(name: str) -> str:
        return picture(images[name], name) if name in images else ""

    yield page.opening(values["model"])
    yield from evaluation_page.figures(comparisons)
    yield shown("f1_by_label")
    yield "<h2>Confusion</h2>\n<p>Gold label by row, found label by column. The diagonal holds exact spans and errors "
    yield "of the boundary alone.</p>\n"
    yield from _confusion(values["confusion"])
    yield shown("confusion")
    if "reliability" in values:
        yield from _reliability(values["reliability"])
        yield shown("reliability") + shown("precision_recall")
    if "learning_curve" in images:
        yield "<h2>Learning curve</h2>\n" + shown("learning_curve")
    yield page.CLOSING


def _confusion(counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    yield "<table><tr><th>gold" + "".join(f"<th>{escape(name)}" for name in next(iter(counts.values()))) + "</tr>\n"
    for name, row in counts.items():
        cells = "".join(f'<td class="number">{count}' for count in row.values())
        yield f"<tr><td>{escape(name)}{cells}</tr>\n"
    yield "</table>\n"


def _reliability(figures: Mapping[str, Any]) -> Iterator[str]:
    best = figures["best"]
    yield (
        f"<h2>Scores</h2>\n<p>Expected calibration error {100 * figures['calibration_error']:.2f} %, "
        f"{escape(figures['binning'])}. Highest F1 {100 * best['f1']:.1f} at --min-score {best['min_score']:.2f}; "
        "choose it on other documents than those it is measured on.</p>\n"
        "<table><tr><th>min-score<th>precision<th>recall<th>F1<th>found</tr>\n"
    )
    for row in (figures["curve"][step] for step in _STEPS):
        shares = "".join(f'<td class="number">{100 * row[name]:.1f}' for name in ("precision", "recall", "f1"))
        yield f'<tr><td class="number">{row["min_score"]:.2f}{shares}<td class="number">{row["found"]}</tr>\n'
    yield "</table>\n"
