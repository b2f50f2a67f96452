"""Prepared text: tokens of all sources in pieces below 16 MiB, read through memory maps."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from bangfu.inference.cleaning import CLEANING_VERSION
from bangfu.inference.encoder import Encoder
from bangfu.labels.atomic_file import write_json
from bangfu.labels.user_error import UserError
from bangfu.training import yaml_file
from bangfu.training.pretraining_config import SourceConfig
from bangfu.training.text_source import CAUSES, IGNORE, HeldOut, Paragraph, Seen, SourceReport, documents, parts

INDEX_FILE = "index.json"
# Tokens a piece: its largest array, the ids, stays below 16 MiB, so that any means of transfer takes it.
PIECE_TOKENS = 6_000_000
# Columns of a piece: ids (uint16), starts (bool: the token begins a word), tags and names (uint8, IGNORE: no target).
COLUMNS = ("ids", "starts", "tags", "names")


@dataclass(frozen=True)
class Piece:
    """Tokens of one source, one after the other; the four arrays have one entry a token.

    Where ``has_words`` is false, ``starts`` tells only pieces of Latin and digits that go on.
    """

    source: int
    has_words: bool
    ids: npt.NDArray[np.uint16]
    starts: npt.NDArray[np.bool_]
    tags: npt.NDArray[np.uint8]
    names: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TokenStore:
    """The pieces to train on, those held out, and the names of the word tags."""

    train: tuple[Piece, ...]
    held_out: tuple[Piece, ...]
    tag_names: tuple[str, ...]
    reports: tuple[dict[str, Any], ...]

    @property
    def tokens(self) -> int:
        """How many tokens there are to train on."""
        return sum(len(piece.ids) for piece in self.train)


class _Writer:
    """Collects the tokens of one source and writes them out piece by piece."""

    def __init__(self, folder: Path, source: int, part: str) -> None:
        self.folder, self.source, self.part = folder, source, part
        self.names: list[str] = []
        self.columns: list[list[npt.NDArray[Any]]] = [[] for _ in COLUMNS]
        self.size = 0

    def add(self, columns: tuple[npt.NDArray[Any], ...]) -> None:
        for place, values in zip(self.columns, columns, strict=True):
            place.append(values)
        self.size += len(columns[0])
        if self.size >= PIECE_TOKENS:
            self.flush(whole_pieces=True)

    def flush(self, whole_pieces: bool = False) -> None:
        """Write what was collected; with ``whole_pieces`` keep what does not fill one."""
        joined = [np.concatenate(values) for values in self.columns] if self.size else []
        while self.size >= PIECE_TOKENS or (self.size and not whole_pieces):
            name = f"{self.part}-{self.source:02d}-{len(self.names):03d}"
            for column, values in zip(COLUMNS, joined, strict=True):
                np.save(self.folder / f"{name}-{column}.npy", values[:PIECE_TOKENS])
            self.names.append(name)
            joined = [values[PIECE_TOKENS:] for values in joined]
            self.size = len(joined[0])
        self.columns = [[values] for values in joined] or [[] for _ in COLUMNS]


def token_columns(paragraph: Paragraph, encoder: Encoder, tokens: Any) -> tuple[npt.NDArray[Any], ...]:
    """The columns of one encoded paragraph.

    Where nothing is known of words, each token that does not go on a piece of Latin or digits begins one.
    """
    size = len(tokens)
    ignored = np.full(size, IGNORE, dtype=np.uint8)
    word = paragraph.words[tokens.starts] if paragraph.words is not None else None
    if word is None:
        goes_on = encoder.continues[tokens.ids]
        starts = ~goes_on
        starts[:1] = True
    else:
        starts = np.concatenate([[True], word[1:] != word[:-1]])[:size]
    tags = ignored if paragraph.tags is None else paragraph.tags[tokens.starts]
    names = ignored if paragraph.names is None else paragraph.names[tokens.starts]
    return tokens.ids.astype(np.uint16), starts, tags, names


def build(
    sources: tuple[SourceConfig, ...],
    encoder: Encoder,
    folder: Path,
    held_out: float,
    say: Callable[[str], None] = print,
) -> TokenStore:
    """Prepare the sources once, under ``folder``; a second call reads what is there.

    What is there is known by the sources, the tokenizer and the version of the cleaning; the text itself
    need not be at hand any more, but where it is, its size must be that of before. UserError for prepared
    text of other settings, for a source without text, and for a vocabulary beyond 16 bits.
    """
    if encoder.size > np.iinfo(np.uint16).max:
        raise UserError(f"a vocabulary of {encoder.size} does not fit 16 bits; use an encoder with a smaller one")
    key = {
        "sources": [[one.path, one.form, one.labels] for one in sources],
        "tokenizer": encoder.fingerprint,
        "cleaning": CLEANING_VERSION,
        "held_out": held_out,
    }
    index = folder / INDEX_FILE
    if index.exists():
        values = json.loads(index.read_text(encoding="utf-8"))
        say("\n".join(report["summary"] for report in values["reports"]))
        sizes = [Path(one.path).stat().st_size if Path(one.path).exists() else None for one in sources]
        same = all(now in (None, then) for now, then in zip(sizes, values["sizes"], strict=False))
        if {name: values[name] for name in key} != key or not same:
            raise UserError(f"{folder}: holds the tokens of other text or settings; remove it or name another folder")
    else:
        values = _prepare(sources, encoder, folder, held_out, key, say)
    return TokenStore(
        _load(folder, values["train"], sources),
        _load(folder, values["held"], sources),
        tuple(values["tag_names"]),
        tuple(values["reports"]),
    )


def _prepare(
    sources: tuple[SourceConfig, ...],
    encoder: Encoder,
    folder: Path,
    held_out: float,
    key: dict[str, Any],
    say: Callable[[str], None],
) -> dict[str, Any]:
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    # a vocabulary may lie there already
    shutil.copytree(folder, partial) if folder.exists() else partial.mkdir(parents=True)
    tag_names: dict[str, int] = {}
    seen, kept = Seen(), HeldOut()
    values: dict[str, Any] = key | {"train": [], "held": [], "reports": []}
    for number, source in enumerate(sources):
        report = SourceReport(source.path)
        writers = {name: _Writer(partial, number, name) for name in ("train", "held")}
        # one draw a part, from the number of the source: sources may be added behind without moving others
        draw = np.random.default_rng([number, 1])
        progress = tqdm(documents(source, tag_names, seen, report), desc=Path(source.path).name, unit=" documents")
        for some in _batches(part for document in progress for part in parts(document)):
            encoded = encoder.encode([paragraph.text for part in some for paragraph in part])
            position = 0
            for part in some:
                drawn = draw.random() < held_out
                report.parts += 1
                if drawn:
                    report.parts_held_out += 1
                    kept.add(part)
                for paragraph in part:
                    tokens = encoded[position]
                    position += 1
                    # What repeats a part that is held out, be it in another source, is held out, too: the paragraph
                    # alone, for stock sentences would draw document after document behind them.
                    held = drawn or kept.holds(paragraph)
                    report.tokens += len(tokens)
                    report.unknown += int((tokens.ids == encoder.unk_id).sum())
                    report.held_out += len(tokens) * held
                    report.repeats_held_out += held and not drawn
                    writers["held" if held else "train"].add(token_columns(paragraph, encoder, tokens))
        for name, writer in writers.items():
            writer.flush()
            values[name] += [[number, piece] for piece in writer.names]
        say(str(report))
        if not report.tokens:
            raise UserError(f"{source.path}: holds no text that can be used; {dict(report.dropped)}")
        values["reports"].append(
            yaml_file.plain(report)
            | {"dropped": {cause: report.dropped[cause] for cause in CAUSES}, "summary": str(report)}
        )
    values["tag_names"] = list(tag_names)
    values["sizes"] = [Path(source.path).stat().st_size for source in sources]
    write_json(partial / INDEX_FILE, values)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return values


def _batches(all_parts: Iterable[list[Paragraph]]) -> Iterator[list[list[Paragraph]]]:
    some: list[list[Paragraph]] = []
    size = 0
    for part in all_parts:
        some.append(part)
        size += len(part)
        if size >= 2000:
            yield some
            some, size = [], 0
    if some:
        yield some


def _load(folder: Path, pieces: list[tuple[int, str]], sources: tuple[SourceConfig, ...]) -> tuple[Piece, ...]:
    def piece(source: int, name: str) -> Piece:
        columns = (np.load(folder / f"{name}-{column}.npy", mmap_mode="r") for column in COLUMNS)
        return Piece(source, sources[source].form == "tagged", *columns)

    return tuple(piece(source, name) for source, name in pieces)


def characters(sources: tuple[SourceConfig, ...]) -> Counter[str]:
    """How often each character stands in the text that is kept of the sources."""
    from bangfu.training.vocabulary import count

    seen, total = Seen(), Counter[str]()
    for source in sources:
        for document in tqdm(documents(source, {}, seen, SourceReport(source.path)), desc="counting characters"):
            total += count(paragraph.text for paragraph in document)
    return total
