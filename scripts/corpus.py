"""``bangfu corpus …``: look after labelled files."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from bangfu.labels import labelled_file
from bangfu.labels.defect import Defect
from bangfu.labels.schema import LABEL_NAMES


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("corpus", help="look after labelled files")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="list every defect; exit status 1 when there is one")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl, .jsonl.gz, .conll, .bio, .bmes …")
    check.set_defaults(run=run_check)


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
