"""The log of a pretraining run, and its picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bangfu.labels.atomic_file import replaced

LOG_FILE = "log.jsonl"
PLOT_FILE = "log.png"


def append(folder: Path, row: dict[str, Any]) -> None:
    """Add a row to the log."""
    with (folder / LOG_FILE).open("a", encoding="utf-8") as log:
        log.write(json.dumps(row) + "\n")


def read(folder: Path) -> list[dict[str, Any]]:
    """The rows of a log; of a step that a resumed run did again, the last row."""
    file = folder / LOG_FILE
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    rows = [row for row in map(_row, lines) if row]
    return [row for _, row in sorted({(row["step"], "held_out" in row): row for row in rows}.items())]


def _row(line: str) -> dict[str, Any]:
    try:
        row: dict[str, Any] = json.loads(line)
    except ValueError:  # a kill may leave half a line
        row = {}
    return row


def plot(folder: Path) -> None:
    """Draw losses, speed and learning rate over the tokens seen, as ``log.png``."""
    from matplotlib.figure import Figure

    rows = read(folder)
    steps = [row for row in rows if "masked_loss" in row]
    held = [row for row in rows if "held_out" in row]
    figure = Figure(figsize=(8, 8), layout="constrained")
    loss, speed, rate = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1, 1])
    for name in ("masked", "tags", "names"):
        loss.plot([row["tokens"] / 1e6 for row in steps], [row[f"{name}_loss"] for row in steps], label=name)
        if any(name in row["held_out"] for row in held):
            some = [row for row in held if name in row["held_out"]]
            loss.plot(
                [row["tokens"] / 1e6 for row in some], [row["held_out"][name] for row in some], "o:", ms=3,
                label=f"{name}, held out",
            )  # fmt: skip
    loss.set_ylabel("loss")
    loss.set_ylim(bottom=0)
    loss.legend()
    speed.plot([row["tokens"] / 1e6 for row in steps], [row["tokens_per_second"] for row in steps])
    speed.set_ylabel("tokens/s")
    speed.set_ylim(bottom=0)
    rate.plot([row["tokens"] / 1e6 for row in steps], [row["learning_rate"] for row in steps])
    rate.set_ylabel("learning rate")
    rate.set_xlabel("million tokens")
    for axes in (loss, speed, rate):
        axes.grid(alpha=0.3)
    with replaced(folder / PLOT_FILE) as partial:
        figure.savefig(partial, format="png", dpi=120)
