"""Charts of an evaluation, as PNG. Names of labels are Latin, for matplotlib brings no Chinese font."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

try:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties, findfont, get_font
except ImportError as error:
    raise ImportError("charts need matplotlib: pip install 'bangfu[train]'") from error


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=120)
    return out.getvalue()


def _shown(text: str) -> str:
    """A name that others gave as the font can show it: a box for what it lacks, and no dollar begins a formula."""
    font = get_font(findfont(FontProperties()))
    return "".join(char if font.get_char_index(ord(char)) else "□" for char in text).replace("$", r"\$")


def f1_by_label(scores: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Bars of F1 with their intervals; ``scores`` is that of ``metrics.json``."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    known = {name: score for name, score in scores.items() if score["gold"] + score["found"]}
    for place, score in enumerate(known.values()):
        value, (low, high) = 100 * score["f1"], score["f1_interval"]
        spread = [[max(0.0, value - 100 * low)], [max(0.0, 100 * high - value)]]
        axes.bar(place, value, yerr=spread, capsize=4, color="#7aa6d8", ecolor="#333")
        axes.text(place, 2, f"{value:.1f}", ha="center")
    axes.set_xticks(range(len(known)), list(known))
    axes.set_ylim(0, 102)
    axes.set_ylabel("strict F1, %")
    axes.set_title("F1 by label, 95 % bootstrap interval")
    return _png(figure)


def confusion(counts: Mapping[str, Mapping[str, int]]) -> bytes:
    """Gold label by found label; ``counts`` is that of ``metrics.json``."""
    rows, columns = list(counts), list(next(iter(counts.values())))
    values = [[counts[row][column] for column in columns] for row in rows]
    shares = [[count / max(1, sum(row)) for count in row] for row in values]
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, row in enumerate(values):
        for j, count in enumerate(row):
            axes.text(j, i, f"{count}", ha="center", va="center", color="white" if shares[i][j] > 0.6 else "black")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("found")
    axes.set_ylabel("gold")
    axes.set_title("Spans by gold and found label")
    return _png(figure)


def reliability(figures: Mapping[str, Any]) -> bytes:
    """Share that is right over mean score, a bin a point; ``figures`` is ``reliability`` of ``metrics.json``."""
    bins = figures["bins"]
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999", linestyle=":", label="perfect")
    axes.plot([row["score"] for row in bins], [row["right"] for row in bins], "o-", ms=4, label="measured")
    axes.set_xlabel("mean score of a bin")
    axes.set_ylabel("share exactly right")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.legend()
    axes.grid(alpha=0.3)
    axes.set_title(f"Reliability, expected calibration error {100 * figures['calibration_error']:.1f} %")
    return _png(figure)


def precision_recall(figures: Mapping[str, Any]) -> bytes:
    """Precision over recall as the least score rises, the best F1 marked."""
    rows, best = [row for row in figures["curve"] if row["found"]], figures["best"]
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([100 * row["recall"] for row in rows], [100 * row["precision"] for row in rows], color="#3a6ea5")
    for row in rows:
        if round(100 * row["min_score"]) in (0, 25, 50, 75, 90, 95):
            axes.annotate(
                f"{row['min_score']:.2f}", (100 * row["recall"], 100 * row["precision"]),
                xytext=(5, 4), textcoords="offset points", fontsize=8,
            )  # fmt: skip
    axes.plot(100 * best["recall"], 100 * best["precision"], "o", color="#c0392b")
    axes.set_xlabel("recall, %")
    axes.set_ylabel("precision, %")
    axes.grid(alpha=0.3)
    axes.set_title(f"Best F1 {100 * best['f1']:.1f} at min-score {best['min_score']:.2f}")
    return _png(figure)


def learning_curve(points: Sequence[Mapping[str, Any]]) -> bytes:
    """Dev F1 over the number of training documents, the mean of the seeds joined by a line."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    labels = list(points[0]["f1"]) if points else []
    sizes = sorted({point["documents"] for point in points})
    for label in labels:
        groups = [[100 * point["f1"][label] for point in points if point["documents"] == size] for size in sizes]
        style = {"color": "black", "linewidth": 2.2} if label == "micro" else {"alpha": 0.8}
        (line,) = axes.plot(sizes, [sum(some) / len(some) for some in groups], label=label, **style)
        for size, some in zip(sizes, groups, strict=True):
            axes.plot([size] * len(some), some, ".", color=line.get_color(), alpha=0.6)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("training documents")
    axes.set_ylabel("strict F1 on dev, %")
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title("Learning curve")
    return _png(figure)


def benchmark(rows: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Micro-F1 over all labels of each tool with its interval."""
    figure = Figure(figsize=(7, 1.2 + 0.4 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(reversed(rows)):
        value, (low, high) = 100 * row["micro"]["f1"], row["micro"]["f1_interval"]
        spread = [[max(0.0, value - 100 * low)], [max(0.0, 100 * high - value)]]
        axes.barh(place, value, xerr=spread, capsize=3, color="#7aa6d8", ecolor="#333")
        axes.text(1, place, f"{value:.1f}", va="center")
    axes.set_yticks(range(len(rows)), [_shown(row["tool"]) for row in reversed(rows)])
    axes.set_xlim(0, 102)
    axes.set_xlabel("strict micro-F1 over all labels, %")
    axes.set_title(_shown(title))
    return _png(figure)


def speed(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Characters a second of each contender, least to most of the rounds as a line, on a logarithmic axis."""
    figure = Figure(figsize=(7, 1.2 + 0.4 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(reversed(rows)):
        rate = row["per_second"]
        value = rate["median"]
        error = [[value - rate["min"]], [rate["max"] - value]]
        axes.barh(place, value, xerr=error, capsize=3, color="#7aa6d8", ecolor="#333")
        axes.annotate(
            f"{value:,.0f}", (rate["max"], place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_yticks(range(len(rows)), [row["contender"] for row in reversed(rows)])
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("characters a second")
    axes.set_title("Speed, median and range of the rounds")
    return _png(figure)
