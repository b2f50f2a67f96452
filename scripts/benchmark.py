"""``bangfu benchmark …``: measure beside other tools."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

from bangfu.inference.cleaning import untouched
from bangfu.inference.extractor import Extractor
from bangfu.labels import labelled_file
from bangfu.labels.document import Document, Span
from bangfu.labels.user_error import UserError
from bangfu.training import benchmark
from bangfu.training.augmentation_config import TransformName
from bangfu.training.peer import PEERS, Peer, PeerChoice, PeerError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("benchmark", help="measure beside other tools")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    accuracy = actions.add_parser("accuracy", help="models and other tools on labelled documents, in one table")
    accuracy.add_argument("file", type=Path, metavar="FILE", help="labelled documents, such as GOLD.jsonl")
    accuracy.add_argument(
        "--model", type=Path, action="append", metavar="DIR", help="model folder, may be given again; else the shipped"
    )
    accuracy.add_argument(
        "--peer", action="append", metavar="NAME[=PYTHON]",
        help=f"another tool, and the Python that has it; may be given again ({', '.join(PEERS)}, or none); "
        "else every tool that is importable",
    )  # fmt: skip
    accuracy.add_argument(
        "--variants", action="store_true",
        help="also with our cleaning in front of the other tools, and with places that touch made one",
    )  # fmt: skip
    accuracy.add_argument(
        "--noise", nargs="+", action="append", metavar="NAME", choices=sorted(get_args(TransformName)),
        help="make the documents noisy first; given again it is one more table (needs the extra 'train')",
    )  # fmt: skip
    accuracy.add_argument("--documents", nargs="+", metavar="ID", help="measure these documents only")
    accuracy.add_argument(
        "--min-score",
        type=float,
        metavar="P",
        help="least score of an entity, 0 to 1; the model's own when not given",
    )
    accuracy.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    accuracy.add_argument("--output", type=Path, metavar="DIR", help="folder for benchmark.json and benchmark.html")
    accuracy.set_defaults(run=run_accuracy)


def run_accuracy(arguments: argparse.Namespace) -> int:
    """Measure every tool on every variant of the documents; print and write the tables."""
    documents = labelled_file.read(arguments.file, only=arguments.documents)
    if not documents:
        raise UserError(f"{arguments.file}: holds no documents; give labelled ones")
    extractors = [
        Extractor.load(model, device=arguments.device, min_score=arguments.min_score)
        for model in arguments.model or [None]
    ]
    tables = []
    with ExitStack() as stack:
        peers = [stack.enter_context(peer) for peer in _peers(arguments.peer)]
        for noise in arguments.noise or [()]:
            title, texts = arguments.file.name, documents
            if noise:
                from bangfu.training.augmentation import noisy

                title, texts = f"{title} with {', '.join(noise)}", noisy(documents, noise)
            rows = list(_rows(texts, extractors, peers, arguments.variants))
            tables.append({"title": title, "documents": len(texts), "rows": rows})
            print(benchmark.table(f"{title}, {len(texts)} documents", rows) + "\n")
    if arguments.output:
        print(f"written: {', '.join(map(str, benchmark.write(arguments.output, tables)))}")
    return 0


def _peers(given: list[str] | None) -> Iterator[Peer]:
    if given == ["none"]:
        return
    if given:
        for text in given:
            yield Peer(PeerChoice.parse(text))
        return
    for name in PEERS:
        try:
            yield Peer(PeerChoice(name))
        except PeerError as error:
            print(f"bangfu: left out: {error}", file=sys.stderr)


def _rows(
    documents: list[Document], extractors: list[Extractor], peers: list[Peer], variants: bool
) -> Iterator[dict[str, Any]]:
    for extractor in extractors:

        def find(text: str, extractor: Extractor = extractor) -> list[Span]:
            return [Span(entity.start, entity.end, entity.label) for entity in extractor(text)]

        name = extractor.settings.name
        yield benchmark.row(name, benchmark.compare_all(documents, find, name))
        if variants:
            cleaning, extractor.cleaning = extractor.cleaning, untouched
            name = f"{name}, without our cleaning"
            yield benchmark.row(name, benchmark.compare_all(documents, find, name))
            extractor.cleaning = cleaning
    for peer in peers:
        tools: list[tuple[str, benchmark.Find]] = [(peer.name, peer)]
        if variants:
            cleaned = benchmark.on_clean_text(peer)
            tools += [
                (f"{peer.name}, places joined", benchmark.joined_places(peer)),
                (f"{peer.name}, our cleaning", cleaned),
                (f"{peer.name}, our cleaning, places joined", benchmark.joined_places(cleaned)),
            ]
        for name, tool in tools:
            yield benchmark.row(name, benchmark.compare_all(documents, tool, name), peer.labels)
