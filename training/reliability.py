"""How far scores can be trusted: expected calibration error, and what a least score costs and buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bangfu.training.evaluation import MICRO, Comparison, Score, certainty, reaches, total

BINS = 15


def bins(
    scores: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], number: int = BINS
) -> list[tuple[float, float, int]]:
    """(mean score, share that is right, entities) of bins of equally many entities, by rising score."""
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, number) if len(part)]
    return [(float(scores[part].mean()), float(correct[part].mean()), len(part)) for part in parts]


def calibration_error(scores: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], number: int = BINS) -> float:
    """Expected calibration error: the mean distance of score and share that is right, over entities; 0 for none."""
    rows = bins(scores, correct, number)
    return sum(count * abs(score - right) for score, right, count in rows) / max(1, len(scores))


def curve(scores: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], gold: int) -> list[dict[str, float]]:
    """Precision, recall and F1 of the entities of at least each score 0.00, 0.01 … 0.99 and 1.00.

    What an extractor puts out goes by :func:`bangfu.training.evaluation.reaches`, which gives the ``scores`` for that.
    """
    rows = []
    for least in np.arange(101) / 100:
        kept = scores >= least
        score = Score(int(correct[kept].sum()), gold, int(kept.sum()))
        row = {"min_score": float(least), "precision": score.precision, "recall": score.recall, "f1": score.f1}
        rows.append(row | {"found": score.found})
    return rows


def recommended(rows: Sequence[Mapping[str, float]]) -> float:
    """The least score in the middle of those of a :func:`curve` that give the highest F1 but for 0.2 points.

    The one of the very highest F1 hangs on an entity or two: the curve is flat there.
    """
    best = max(row["f1"] for row in rows)
    near = [row["min_score"] for row in rows if row["f1"] >= best - 0.002]
    return near[len(near) // 2]


def figures(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """What ``metrics.json`` holds under ``reliability``; the ``best`` row of the curve is the one of the highest F1."""
    scores, correct = certainty(comparisons)
    rows = curve(reaches(comparisons), correct, total(comparisons)[MICRO].gold)
    return {
        "calibration_error": calibration_error(scores, correct),
        "binning": f"{BINS} bins of equally many entities",
        "bins": [{"score": score, "right": right, "entities": count} for score, right, count in bins(scores, correct)],
        "curve": rows,
        "best": max(rows, key=lambda row: row["f1"]),
    }
