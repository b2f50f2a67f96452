"""Rubbish through the command line: random bytes, and files of every kind that were tampered with.

``python tests/fuzz.py --minutes 60`` stops at the first run that does not end as a run on bad input must: exit status
0, 1 or 2 and every line on standard error ours. It leaves the files of that run, and says where.
"""

import argparse
import gzip
import io
import json
import lzma
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from bangfu.inference import Entity, Extractor
from bangfu.inference.form import FORMS
from bangfu.inference.writer import FORMATS
from bangfu.scripts.main import main

SAMPLES = Path(__file__).parent / "samples"
ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16", "utf-16-le", "utf-7", "hz", "idna", "shift_jis", "nonsense", "\x00")
ODD = (
    b"\x00",
    b"\xff\xfe",
    b"\r",
    b"\n",
    b'"',
    b"{",
    b"[" * 3000,
    b"\xed\xa0\x80",
    b"\\ud800",
    b"9" * 5000,
    b",",
    b"<",
)


def content(chance: random.Random, samples: list[bytes]) -> bytes:
    """Random bytes, or a sample with some of its bytes changed, moved, doubled or lost."""
    if chance.random() < 0.2:
        return chance.randbytes(chance.choice((0, 1, 3, 50, 5000)))
    raw = bytearray(chance.choice(samples))
    for _ in range(chance.choice((0, 1, 1, 3, 20))):
        at = chance.randrange(len(raw) + 1)
        end = min(len(raw), at + chance.choice((1, 2, 10, 500)))
        what = chance.random()
        if what < 0.3:
            raw[at:end] = chance.randbytes(end - at)
        elif what < 0.5:
            del raw[at:end]
        elif what < 0.6:
            del raw[at:]
        elif what < 0.8:
            raw[at:at] = chance.choice(ODD)
        else:
            raw[at:at] = raw[max(0, at - 300) : at]
    packed = chance.random()
    return gzip.compress(raw) if packed < 0.05 else lzma.compress(raw) if packed < 0.1 else bytes(raw)


def arguments(chance: random.Random, folder: Path, samples: list[bytes]) -> list[str]:
    """A command line of ``extract``, with the files that it names."""
    given: list[str] = []
    for number in range(chance.choice((1, 1, 1, 4))):
        suffix = chance.choice([f".{form}" for form in FORMS] * 3 + [".doc", "", ".htm"])
        parent, packed = chance.choice(("", "\n", "\udcff", " 一")), chance.choice(("", "", "", ".gz", ".xz"))
        path = folder / f"in{parent}" / f"{number}{suffix}{packed}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content(chance, samples))
        given.append(
            str(chance.choice((path, path, path.parent, folder / "none.txt", f"{folder}/*/*", f"{folder}/[", "")))
        )
    if chance.random() < 0.2:
        given += ["--input", chance.choice(FORMS)]
    if chance.random() < 0.2:
        given += ["--column", chance.choice(("text", "title", "正文", "\udcff", ""))]
    if chance.random() < 0.2:
        given += ["--encoding", chance.choice(ENCODINGS)]
    if chance.random() < 0.7:
        given += ["--format", chance.choice(FORMATS)]
    if chance.random() < 0.6:
        given += [
            "-o",
            str(folder / chance.choice(("out", "out.jsonl", "out.csv", "no/out.html", "in")))
            + chance.choice(("", "/")),
        ]
    if chance.random() < 0.3:
        given += ["--parts", "--part-size", chance.choice(("1", "2", "100", "0"))]
    if chance.random() < 0.3:
        given.append("--overwrite")
    return ["extract", *given]


def trouble(given: list[str]) -> str | None:
    """What is wrong with how a command ended; None when it ended as it should."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = main(given)
    except SystemExit as end:
        return None if end.code == 2 else f"exit {end.code}"
    except BaseException:
        if isinstance(sys.exc_info()[1], KeyboardInterrupt):
            raise
        return traceback.format_exc()
    said = err.getvalue().splitlines()
    foreign = [line for line in said if not line.startswith("bangfu: ")]
    if status not in (0, 1, 2) or foreign:
        return f"status {status}, said {foreign[:3]}"
    return f"status {status} without a word" if status and not said else None


def quick() -> None:
    """Put a quick extractor in the place of the model: what is tried is all that surrounds it."""

    class Quick:
        def stream(self, texts: Iterable[str], **_: object) -> Iterator[list[Entity]]:
            for text in texts:
                yield [Entity(0, 1, "ORG", text[:1], 1.0)] if text else []

    Extractor.load = classmethod(lambda *_, **__: Quick())  # type: ignore[assignment, method-assign, return-value]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--model", action="store_true", help="run the shipped model, too: fewer runs, longer ways")
    chosen = parser.parse_args()
    if not chosen.model:
        quick()
    samples = [path.read_bytes() for path in sorted(SAMPLES.iterdir())]
    samples.append(json.dumps({"id": 1, "text": "临江市民政局\ud800"}).encode() * 3)
    end, runs = time.monotonic() + chosen.minutes * 60, 0
    with open(os.devnull) as nothing:  # noqa: PTH123 - standard input is no terminal
        sys.stdin = nothing
        while time.monotonic() < end:
            seed = chosen.seed + runs
            folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
            os.chdir(folder)
            given = arguments(random.Random(seed), folder, samples)
            for _ in range(2):  # once more on what the first run left
                found = trouble(given)
                if found:
                    print(f"--seed {seed}, files in {folder}\n{given}\n{found}")
                    raise SystemExit(1)
            _remove(folder)
            runs += 1
    print(f"{runs} command lines, each twice, from --seed {chosen.seed}: nothing that crashes")


def _remove(folder: Path) -> None:
    for top, folders, files in os.walk(folder, topdown=False):
        for name in files:
            Path(top, name).unlink()
        for name in folders:
            Path(top, name).rmdir()
    folder.rmdir()


if __name__ == "__main__":
    _main()
