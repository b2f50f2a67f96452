"""``bangfu corpus …``: look after labelled files."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from bangfu.labels import atomic_file, jsonl, labelled_file, repetition, standoff, statistics, text_lines
from bangfu.labels.defect import Defect
from bangfu.labels.document import Document
from bangfu.labels.schema import LABEL_NAMES
from bangfu.training import agreement, evaluation, evaluation_page


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("corpus", help="look after labelled files")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="list every defect; exit status 1 when there is one")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl, .jsonl.gz, .conll, .bio, .bmes …")
    check.set_defaults(run=run_check)
    stats = actions.add_parser("stats", help="what files hold, and how much of it stands there twice")
    stats.add_argument("files", nargs="+", type=Path, metavar="FILE")
    stats.add_argument(
        "--against", nargs="+", type=Path, default=[], metavar="TEXT",
        help="look for runs of 15 characters in other text (.txt, .jsonl, .gz, .xz); exit status 1 when there is one",
    )  # fmt: skip
    stats.set_defaults(run=run_stats)
    agree = actions.add_parser("agreement", help="strict F1 between two readings of the same documents")
    agree.add_argument("first", type=Path, metavar="FIRST")
    agree.add_argument("second", type=Path, metavar="SECOND")
    agree.add_argument("--output", type=Path, metavar="DIR", help="folder for agreement.json and differences.html")
    agree.set_defaults(run=run_agreement)
    detach = actions.add_parser("detach", help="write the marks of a labelled file without its texts")
    detach.add_argument("labelled", type=Path, metavar="LABELLED", help="each text is part of a line of the source")
    detach.set_defaults(run=run_detach)
    attach = actions.add_parser("attach", help="put marks without texts together with their source")
    attach.add_argument("marks", type=Path, metavar="MARKS", help="a file that detach wrote")
    attach.set_defaults(run=run_attach)
    for action in (detach, attach):
        action.add_argument(
            "source", nargs="+", type=Path, metavar="SOURCE", help="text, a line each (.txt, .jsonl, .gz, .xz)"
        )
        action.add_argument("--output", type=Path, required=True, metavar="FILE", help=".jsonl or .jsonl.gz")


def run_check(arguments: argparse.Namespace) -> int:
    """Print each defect on a line of its own, and what the files hold."""
    defects = documents = characters = links = 0
    labels: Counter[str] = Counter()
    for path in arguments.files:
        for item in labelled_file.scan(path):
            if isinstance(item, Defect):
                defects += 1
                print(item)
            else:
                documents += 1
                characters += len(item.text)
                links += len(item.links)
                labels.update(span.label for span in item.spans)
    spans = ", ".join(f"{labels[name]} {name}" for name in LABEL_NAMES)
    print(f"{documents} documents, {characters} characters, {spans}, {links} links; {defects} defects")
    return 1 if defects else 0


def run_stats(arguments: argparse.Namespace) -> int:
    """Print composition and repetition; look for the documents' text in other files."""
    parts = [(path.stem, labelled_file.read(path)) for path in arguments.files]
    documents = [document for _, part in parts for document in part]
    rows = [list(statistics.HEAD), *(statistics.describe(part).row(name) for name, part in parts)]
    whole = statistics.describe(documents)
    if len(parts) > 1:
        rows.append(whole.row("all"))
    print(statistics.table(rows))
    distinct = ", ".join(f"{number:,} {label}" for label, number in whole.distinct.items())
    print(f"\ndistinct texts of spans: {distinct}")
    least, low, median, high, greatest = whole.lengths
    print(f"characters a document: {least}–{greatest}, median {median}, middle half {low}–{high}")
    total, runs = repetition.repeated(documents)
    share = repetition.share(total, runs)
    print(f"runs of 20 characters, names aside: {total:,}, {share:.3%} of them in more than one document")
    for run in sorted(runs, key=lambda one: -len(one.documents))[:5]:
        print(f"  {_shown(run.text)} in {', '.join(run.documents)}")
    if not arguments.against:
        return 0
    return _foreign(documents, arguments.against)


def _foreign(documents: Sequence[Document], paths: Sequence[Path]) -> int:
    def others() -> Iterator[tuple[str, str]]:
        for path in paths:
            for text in tqdm(text_lines.texts(path), desc=path.name, unit=" lines", unit_scale=True, disable=None):
                yield path.name, text

    found = repetition.shared(documents, others())
    names = sorted({name for run in found for name in run.documents})
    print(f"runs of 15 characters outside of spans that stand in other text: {len(found)}, in {len(names)} documents")
    for run in found:
        print(f"  {run.documents[0]}: {run.text!r} in {', '.join(run.elsewhere)}")
    return 1 if found else 0


def _shown(text: str) -> str:
    names = dict(zip(map(ord, repetition.PLACEHOLDERS.values()), (f"<{name}>" for name in LABEL_NAMES), strict=True))
    return repr(text.translate(names))


def run_agreement(arguments: argparse.Namespace) -> int:
    """Print the agreement by label, and write the differences."""
    if arguments.output:
        atomic_file.check_folder(arguments.output)
    first, second = (labelled_file.read(path) for path in (arguments.first, arguments.second))
    comparisons = agreement.compare_readings(first, second)
    values = evaluation.metrics(comparisons, f"{arguments.second.name} against {arguments.first.name}")
    print(evaluation.table(values))
    if arguments.output:
        title = f"{arguments.first.name} and {arguments.second.name}"
        files = (arguments.output / "agreement.json", arguments.output / "differences.html")
        print(evaluation_page.write_with_figures(comparisons, values, *files, title))
    return 0


def run_detach(arguments: argparse.Namespace) -> int:
    """Write the marks without the texts."""
    atomic_file.check(arguments.output, arguments.labelled, *arguments.source)
    marks = standoff.detach(labelled_file.read(arguments.labelled), _source(arguments.source))
    jsonl.write_objects(marks, arguments.output)
    print(f"marks of {len(marks)} documents written to {arguments.output}")
    return 0


def run_attach(arguments: argparse.Namespace) -> int:
    """Write the documents with their texts."""
    atomic_file.check(arguments.output, arguments.marks, *arguments.source)
    documents = standoff.attach(arguments.marks, _source(arguments.source))
    jsonl.write(documents, arguments.output)
    print(f"{len(documents)} documents written to {arguments.output}")
    return 0


def _source(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        yield from tqdm(text_lines.texts(path), desc=path.name, unit=" lines", unit_scale=True, disable=None)
