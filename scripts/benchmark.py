"""``bangfu benchmark …``: measure beside other tools."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

from bangfu.inference.cleaning import untouched
from bangfu.inference.cores import cores
from bangfu.inference.extractor import Extractor
from bangfu.inference.input_error import InputError
from bangfu.inference.model_folder import SHIPPED, ModelFolder
from bangfu.inference.reading import read
from bangfu.labels import atomic_file, labelled_file
from bangfu.labels.document import Document, Span
from bangfu.labels.user_error import UserError
from bangfu.training import article_mix, benchmark, line_up, speed, speed_page
from bangfu.training.augmentation_config import TransformName
from bangfu.training.contender import ContenderChoice
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
    _add_speed(actions)


def _add_speed(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("speed", help="how fast we and other tools read articles, side by side")
    parser.add_argument("files", nargs="*", metavar="FILE", help="articles of any kind that 'bangfu extract' reads")
    parser.add_argument("--model", type=Path, default=SHIPPED, metavar="DIR", help="model folder; else the shipped")
    parser.add_argument(
        "--contender", action="append", metavar="NAME", choices=line_up.CONTENDERS,
        help=f"who takes part beside the other tools; may be given again ({', '.join(line_up.CONTENDERS)}); else all",
    )  # fmt: skip
    parser.add_argument(
        "--peer", action="append", metavar="NAME[=PYTHON]",
        help=f"another tool, and the Python that has it; may be given again ({', '.join(PEERS)}, or none); "
        "else every tool that is importable",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default 5")
    parser.add_argument(
        "--seconds", type=float, default=5, metavar="S",
        help="about how long each works a round; who is too slow for all articles reads a share (default 5)",
    )  # fmt: skip
    parser.add_argument(
        "--starts",
        type=int,
        default=3,
        metavar="N",
        help="fresh processes of which the fastest start counts (default 3)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="of each contender; all cores when not given")
    parser.add_argument(
        "--join", type=int, metavar="N",
        help="put articles together until half of the characters stand in articles of about N characters",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for speed.json and speed.html")
    parser.set_defaults(run=run_speed)


def run_accuracy(arguments: argparse.Namespace) -> int:
    """Measure every tool on every variant of the documents; print and write the tables.

    Tools that cannot be had or that break down are left out; the status is 1 where one of them was asked for by name.
    """
    if arguments.output:
        atomic_file.check_folder(arguments.output)
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
    asked = [] if arguments.peer == ["none"] else arguments.peer or []
    return int(len(peers) < len(asked))


def _peers(given: list[str] | None) -> Iterator[Peer]:
    """The tools that can be had, and a line of standard error for each that cannot."""
    if given == ["none"]:
        return
    for choice in [PeerChoice.parse(text) for text in given or PEERS]:
        try:
            peer = Peer(choice)
        except PeerError as error:
            print(f"bangfu: left out: {error}", file=sys.stderr)
        else:
            yield peer


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
    for peer in list(peers):
        tools: list[tuple[str, benchmark.Find]] = [(peer.name, peer)]
        if variants:
            cleaned = benchmark.on_clean_text(peer)
            tools += [
                (f"{peer.name}, places joined", benchmark.joined_places(peer)),
                (f"{peer.name}, our cleaning", cleaned),
                (f"{peer.name}, our cleaning, places joined", benchmark.joined_places(cleaned)),
            ]
        try:
            yield from [
                benchmark.row(name, benchmark.compare_all(documents, tool, name), peer.labels) for name, tool in tools
            ]
        except PeerError as error:  # what the others have measured is not lost for it
            print(f"bangfu: left out: {error}", file=sys.stderr)
            peers.remove(peer)


def run_speed(arguments: argparse.Namespace) -> int:
    """Measure every contender in alternating rounds; print and write the tables."""
    if arguments.output:
        atomic_file.check_folder(arguments.output)
    if not arguments.files:
        raise UserError("no articles to read; give a FILE or more, such as labels/corpus/test.jsonl")
    if arguments.rounds < 1 or arguments.starts < 1 or not arguments.seconds > 0:
        raise UserError("--rounds and --starts must be at least 1, --seconds above 0")
    threads = cores() if arguments.threads is None else arguments.threads
    if threads < 1:
        raise UserError(f"--threads {threads} must be at least 1")
    ModelFolder.load(arguments.model)
    # no tool takes a lone surrogate
    texts = [
        article.text.encode("utf-8", "replace").decode("utf-8") for article in read(*arguments.files, skipped=_skipped)
    ]
    if not texts:
        raise UserError(f"{arguments.files[0]}: holds no article; give files with text")
    if arguments.join is not None:
        texts = article_mix.joined(texts, arguments.join)
    with tempfile.TemporaryDirectory() as folder:
        plan = speed.Plan(
            timed=list(_line_up(arguments, threads, Path(folder))),
            parts=list(
                line_up.parts(
                    arguments.model, _keys(arguments), threads, arguments.files, required=bool(arguments.contender)
                )
            ),
            matmul=line_up.matmul(arguments.model, threads),
            rounds=arguments.rounds,
            seconds=arguments.seconds,
            starts=arguments.starts,
            threads=threads,
        )
        values, left_out = speed.measure(plan, texts)
    for line in left_out:
        print(f"bangfu: left out: {line}", file=sys.stderr)
    print(speed_page.text(values))
    if arguments.output:
        print(f"written: {', '.join(map(str, speed_page.write(arguments.output, values)))}")
    return 0


def _skipped(error: InputError) -> None:
    print(f"bangfu: skipped: {error}", file=sys.stderr)


def _keys(arguments: argparse.Namespace) -> list[str]:
    return list(arguments.contender or line_up.CONTENDERS)


def _line_up(arguments: argparse.Namespace, threads: int, base: Path) -> Iterator[ContenderChoice]:
    keys, required = _keys(arguments), bool(arguments.contender)
    yield from line_up.ours(arguments.model, keys, threads, required)
    if set(keys) & set(line_up.OF_BASE):
        try:
            from bangfu.training import base_model

            base_model.write(arguments.model, base)
        except ImportError as error:
            if required:
                raise
            print(f"bangfu: left out: base: {error}; pip install 'bangfu[train]'", file=sys.stderr)
            keys = [key for key in keys if key not in line_up.OF_BASE]
    yield from line_up.pipelines(arguments.model, base, keys, threads, required)
    if arguments.peer != ["none"]:
        chosen = [PeerChoice.parse(text) for text in arguments.peer or PEERS]
        yield from line_up.peers(chosen, bool(arguments.peer))
