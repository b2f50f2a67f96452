"""The benchmark of speed: contenders side by side on the same articles, in rounds whose order alternates."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

from bangfu.training import article_mix, line_up, roofline
from bangfu.training.contender import Contender, ContenderChoice, ContenderError, Timed
from bangfu.training.spread import spread

# The least number of articles that a contender is given, however slow it is, and those it is estimated by.
_LEAST = 12
_ESTIMATE = 6


@dataclass
class _Entry:
    """A contender that takes part: its running process, its starts and its share of the articles."""

    contender: Contender
    starts: list[float]
    texts: list[str] = field(default_factory=list)
    runs: list[Timed] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What is run: ``timed`` get a row each; ``parts`` and ``matmul`` measure by the way, in the same rounds.

    ``seconds`` is about how long a contender works a round; a share of the articles is chosen so. ``starts`` is
    how many fresh processes are started, of which the fastest counts.
    """

    timed: Sequence[ContenderChoice]
    parts: Sequence[ContenderChoice] = ()
    matmul: ContenderChoice | None = None
    rounds: int = 5
    seconds: float = 5.0
    starts: int = 3
    threads: int = 1


def measure(plan: Plan, texts: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """All figures, as in ``speed.json``, and a line for each contender that was not to be had.

    ContenderError where it was one that is required, or where one breaks down.
    """
    first = sorted(texts, key=len)[len(texts) // 2]
    load = os.getloadavg()[0]
    left_out: list[str] = []
    with ExitStack() as stack:
        entries: dict[str, _Entry] = {}
        chosen = [*plan.timed, *plan.parts, *([plan.matmul] if plan.matmul else [])]
        for choice in tqdm(chosen, desc="starts", leave=False, disable=None):
            starts = plan.starts if choice in plan.timed else 1
            try:
                entries[choice.key] = _enter(stack, choice, starts, plan.threads, first)
            except ContenderError as error:
                if choice.required:
                    raise
                if choice in plan.timed:  # its parts are not there either, and need no line of their own
                    left_out.append(str(error))
        readers = [entry for key, entry in entries.items() if plan.matmul is None or key != plan.matmul.key]
        for entry in tqdm(readers, desc="shares", leave=False, disable=None):
            estimate = entry.contender(article_mix.share(texts, 0, _ESTIMATE))
            enough = plan.seconds * estimate.characters / max(1e-6, estimate.wall)
            entry.texts = article_mix.share(texts, enough, _LEAST)
        with tqdm(total=plan.rounds * len(entries), desc="rounds", leave=False, disable=None) as bar:
            for number in range(plan.rounds):
                for key in _order(list(entries), number):
                    entry = entries[key]
                    entry.runs.append(entry.contender(entry.texts))
                    bar.update()
        rows = [_row(entries[choice.key]) for choice in plan.timed if choice.key in entries]
        reference = _compare(rows)
        parts = {choice.key.removeprefix(line_up.PARTS): choice for choice in plan.parts if choice.key in entries}
        matmul = entries.get(plan.matmul.key) if plan.matmul else None
        values = {
            "machine": _machine(load),
            "threads": plan.threads,
            "rounds": plan.rounds,
            "starts": plan.starts,
            "articles": article_mix.lengths(texts),
            "reference": reference,
            "rows": rows,
            "parts": {name: _parts(entries[choice.key]) for name, choice in parts.items()},
            "roofline": {
                name: roofline.figures(
                    [run.result for run in entries[choice.key].runs],
                    [run.result for run in matmul.runs],
                    choice.settings["precision"],
                    line_up.attention(choice),
                )
                for name, choice in parts.items()
                if matmul
            },
        }
    return values, left_out


def _enter(stack: ExitStack, choice: ContenderChoice, starts: int, threads: int, first: str) -> _Entry:
    times = []
    for _ in range(starts - 1):
        with Contender(choice, threads, first) as fresh:
            times.append(fresh.start_up)
    contender = stack.enter_context(Contender(choice, threads, first))
    return _Entry(contender, [*times, contender.start_up])


def _order(keys: list[str], number: int) -> list[str]:
    """Each round begins with the next contender, and every other one goes backwards."""
    first = number % max(1, len(keys))
    turned = keys[first:] + keys[:first]
    return turned[::-1] if number % 2 else turned


def _row(entry: _Entry) -> dict[str, Any]:
    contender, runs = entry.contender, entry.runs
    return {
        "key": contender.choice.key,
        "contender": contender.name,
        "versions": contender.versions,
        "share": {**article_mix.lengths(entry.texts), "characters_a_round": runs[0].characters},
        "per_second": spread([run.characters / run.wall for run in runs]),
        "per_cpu_second": spread([run.characters / max(1e-6, run.cpu) for run in runs]),
        "runs": [{"seconds": run.wall, "cpu_seconds": run.cpu, "characters": run.characters} for run in runs],
        "found": runs[0].result,
        "start_up": {"min": min(entry.starts), "all": entry.starts},
        "peak_memory": contender.peak,
        "model_size": contender.model_size(),
        "packages_size": contender.packages_size(),
    }


def _compare(rows: list[dict[str, Any]]) -> str | None:
    """Put into each row how many times as fast the first row is, round by round; gives the name of the first."""
    for row in rows:
        for name, key in (("ratio", "seconds"), ("ratio_cpu", "cpu_seconds")):
            pairs = zip(rows[0]["runs"], row["runs"], strict=True)
            row[name] = spread(
                [
                    (ours["characters"] / max(1e-6, ours[key])) / (theirs["characters"] / max(1e-6, theirs[key]))
                    for ours, theirs in pairs
                ]
            )
    return rows[0]["contender"] if rows else None


def _parts(entry: _Entry) -> dict[str, Any]:
    """Microseconds a character by part, the median of the rounds, and the share of each in their sum."""
    rounds: list[Mapping[str, float]] = [run.result["seconds_a_character"] for run in entry.runs]
    medians = {name: 1e6 * median(one[name] for one in rounds) for name in rounds[0]}
    total = sum(medians.values())
    return {
        name: {"microseconds_a_character": value, "share": value / max(1e-12, total)} for name, value in medians.items()
    }


def _machine(load: float) -> dict[str, Any]:
    names: list[str] = []
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": load,
    }
