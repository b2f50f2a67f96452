"""The memory of a long run: reading, parts, ids and errors, with a quick stand-in for extraction or with the model.

``python tests/memory.py --lines 1000000`` prints what it holds, in MB, after each tenth of the articles;
``--model`` runs the shipped model, on short lines.
"""

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bangfu.inference import Entity, Extractor
from bangfu.scripts.main import main


def resident() -> float:
    """MB of memory that this process holds now; where the system does not say, the most it held so far."""
    now = Path("/proc/self/statm")
    if now.exists():  # the peak is no use: a child process begins with that of its parent
        return int(now.read_text().split()[1]) * resource.getpagesize() / (1 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def quick(texts: Iterable[str], **_: object) -> Iterator[list[Entity]]:
    """One name in each text."""
    for text in texts:
        yield [Entity(0, 2, "LOC", text[:2], 0.5)] if text else []


class Noted:
    """An extractor that prints [articles, MB] after each ``step`` articles."""

    def __init__(self, stream: Callable[..., Iterator[list[Entity]]], step: int) -> None:
        self._stream, self._step = stream, step

    def stream(self, texts: Iterable[str], **given: Any) -> Iterator[list[Entity]]:
        for number, entities in enumerate(self._stream(texts, **given), 1):
            if number % self._step == 0:
                print(json.dumps([number, round(resident(), 1)]), flush=True)
            yield entities


def run(lines: int, form: str, part_size: int, model: bool = False) -> None:
    """A run over JSON lines, every fifth of which is broken."""
    noted = Noted(Extractor.load(device="cpu").stream if model else quick, max(1, lines * 4 // 5 // 10))
    Extractor.load = classmethod(lambda *_, **__: noted)  # type: ignore[assignment, method-assign, return-value]
    sentence = "收到大米三十袋、棉被二十床，已转交青山镇敬老院。"
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "a.jsonl")
        with source.open("w", encoding="utf-8") as file:
            for number in range(lines):
                if number % 5 == 4:
                    file.write("{\n")
                else:
                    text = f"临江市民政局第{number}号通告：" + (
                        sentence[: number % 25] if model else sentence * (number % 9)
                    )
                    file.write(json.dumps({"id": f"文章{number}", "text": text}, ensure_ascii=False) + "\n")
        sys.stderr = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123 - a line for each broken one
        given = ["extract", str(source), "-o", f"{name}/out/", "--format", form, "--part-size", str(part_size)]
        assert main(given) == 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--format", default="jsonl")
    parser.add_argument("--part-size", type=int, default=10_000)
    parser.add_argument("--model", action="store_true", help="run the shipped model, on lines of 15 to 40 characters")
    chosen = parser.parse_args()
    run(chosen.lines, chosen.format, chosen.part_size, chosen.model)
