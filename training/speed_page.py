"""The figures of the benchmark of speed, as lines to read and as a page with a chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bangfu.inference import page
from bangfu.labels.atomic_file import replaced, write_json
from bangfu.training import report

_HEADS = (
    "contender",
    "characters/s",
    "least–most",
    "a CPU second",
    "times as fast",
    "by CPU time",
    "start-up",
    "memory",
    "model",
    "packages",
    "articles a round",
)
_PARTS = ("reading", "cleaning", "tokenising", "windows", "model", "decoding", "writing")
NOTES = (
    "Medians over the rounds. Times as fast: the first row's rate divided by this row's, round by round; by CPU time "
    "the same of rates a CPU second. Start-up: a fresh process up to its first answer, the fastest of several. Memory: "
    "the most that the process has held. Model: the files of weights and dictionaries. Packages: what was imported "
    "from site-packages. A slow contender reads a share of the articles, every n-th by length."
)
Table = Sequence[Sequence[str]]


def _megabytes(size: int | None) -> str:
    return "–" if size is None else f"{size / 1e6:,.0f} MB"


def _ratio(values: Mapping[str, float]) -> str:
    value = values["median"]
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _rows(values: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    yield _HEADS
    for row in values["rows"]:
        rate, share = row["per_second"], row["share"]
        yield (
            row["contender"],
            f"{rate['median']:,.0f}",
            f"{rate['min']:,.0f}–{rate['max']:,.0f}",
            f"{row['per_cpu_second']['median']:,.0f}",
            _ratio(row["ratio"]),
            _ratio(row["ratio_cpu"]),
            f"{row['start_up']['min']:.2f} s",
            _megabytes(row["peak_memory"]),
            _megabytes(row["model_size"]),
            _megabytes(row["packages_size"]),
            f"{share['articles']:,} of {share['mean']:,.0f} ({share['shortest']:,}–{share['longest']:,})",
        )


def _part_rows(values: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    yield ("µs a character", *_PARTS)
    for precision, parts in values["parts"].items():
        cells = (f"{parts[name]['microseconds_a_character']:.2f} ({parts[name]['share']:.0%})" for name in _PARTS)
        yield (precision, *cells)


def _roof_rows(values: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    yield ("graph", "against products of", "10⁹ operations/s", "roof, characters/s", "share run", "share useful")
    for precision, figures in values["roofline"].items():
        for name, share in figures["shares"].items():
            kind, shape = name.split(", ")
            shapes = "the model's shapes" if shape == "model" else "large squares"
            yield (
                precision,
                f"{kind}, {shapes}",
                f"{figures['rates'][name] / 1e9:,.0f}",
                f"{figures['roof'][name]:,.0f}",
                *(f"{share[of]['median']:.0%}" for of in ("run", "useful")),
            )


def _roof_lines(values: Mapping[str, Any]) -> Iterator[str]:
    for precision, figures in values["roofline"].items():
        flops = figures["flops_a_character"]
        yield (
            f"{precision}: {flops['useful'] / 1e6:.1f} MFLOP a character are useful, "
            f"{flops['run'] / 1e6:.1f} are run, with overlap and special tokens "
            f"({figures['attention_share']:.0%} of them attention). The model part runs "
            f"{figures['flops_per_second']['median'] / 1e9:,.0f}·10⁹ a second, "
            f"{figures['characters_per_second']['median']:,.0f} characters/s: {figures['mixed']['median']:.0%} of "
            f"what products of its shapes do, with attention held against {figures['attention']}."
        )


def _heading(values: Mapping[str, Any]) -> Iterator[str]:
    machine, articles = values["machine"], values["articles"]
    yield (
        f"{articles['articles']:,} articles, {articles['characters']:,} characters, {articles['mean']:,.0f} on average "
        f"({articles['shortest']:,}–{articles['longest']:,}); {values['rounds']} rounds, {values['threads']} threads"
    )
    yield f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}"
    versions = {name: version for row in values["rows"] for name, version in row["versions"].items()}
    yield ", ".join(f"{name} {version}".strip() for name, version in versions.items())
    if machine["load_before"] > 0.3:
        yield (
            f"The machine was not idle (load {machine['load_before']:.1f} at the start): "
            "take ratios with care, and nothing else"
        )


def text(values: Mapping[str, Any]) -> str:
    """Everything as lines to read."""
    blocks = ["\n".join(_heading(values)), _aligned(list(_rows(values)))]
    if values["parts"]:
        blocks.append(_aligned(list(_part_rows(values))))
    if values["roofline"]:
        blocks += [_aligned(list(_roof_rows(values))), "\n".join(_roof_lines(values))]
    return "\n\n".join(blocks)


def _aligned(rows: Table) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([f"{first:{widths[0]}}", *cells]))
    return "\n".join(lines)


def write(folder: Path, values: Mapping[str, Any]) -> list[Path]:
    """Write ``speed.json`` and ``speed.html``, each atomically; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "speed.json", folder / "speed.html"]
    write_json(paths[0], values)
    with replaced(paths[1]) as partial:
        partial.write_text("".join(_page(values)), encoding="utf-8", errors="backslashreplace")
    return paths


def _page(values: Mapping[str, Any]) -> Iterator[str]:
    yield page.opening("Speed")
    for line in _heading(values):
        yield f"<p>{escape(line)}</p>\n"
    yield from _table(list(_rows(values)))
    yield f"<p>{escape(NOTES)}</p>\n"
    try:
        from bangfu.training import charts

        yield report.picture(charts.speed(values["rows"]), "characters a second")
    except ImportError:
        yield "<p>A chart needs matplotlib: pip install 'bangfu[train]'.</p>\n"
    if values["parts"]:
        yield "<h2>Parts of our work</h2>\n"
        yield from _table(list(_part_rows(values)))
    if values["roofline"]:
        yield "<h2>Roofline</h2>\n"
        yield from _table(list(_roof_rows(values)))
        yield from (f"<p>{escape(line)}</p>\n" for line in _roof_lines(values))
    yield page.CLOSING


def _table(rows: Table) -> Iterator[str]:
    yield '<div style="overflow-x: auto"><table><tr>'
    yield "".join(f"<th>{escape(cell)}" for cell in rows[0]) + "</tr>\n"
    for first, *others in rows[1:]:
        cells = "".join(f'<td class="number">{escape(cell)}' for cell in others)
        yield f"<tr><td>{escape(first)}{cells}</tr>\n"
    yield "</table></div>\n"
