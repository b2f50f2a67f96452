"""The memory of a long run, without the model: reading, parts, ids and errors, with a quick stand-in for extraction.

``python tests/memory.py --lines 1000000`` prints what it holds, in MB, after each tenth of the articles.
"""

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from bangfu.inference import Entity, Extractor
from bangfu.scripts.main import main


def resident() -> float:
    """MB of memory that this process holds now; where the system does not say, the most it held so far."""
    now = Path("/proc/self/statm")
    if now.exists():  # the peak is no use: a child process begins with that of its parent
        return int(now.read_text().split()[1]) * resource.getpagesize() / (1 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


class Quick:
    """Finds one name in each text, and notes the memory of the process."""

    def __init__(self) -> None:
        self.articles = 0
        self.sizes: list[tuple[int, float]] = []

    def stream(self, texts: Iterable[str]) -> Iterator[list[Entity]]:
        for text in texts:
            self.articles += 1
            if self.articles % 64 == 0:
                self.sizes.append((self.articles, resident()))
            yield [Entity(0, 2, "LOC", text[:2], 0.5)] if text else []


def sizes(lines: int, form: str, part_size: int) -> list[tuple[int, float]]:
    """(articles, MB) after each tenth of a run over JSON lines, every fifth of which is broken."""
    quick = Quick()
    Extractor.load = classmethod(lambda *_, **__: quick)  # type: ignore[assignment, method-assign, return-value]
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "a.jsonl")
        with source.open("w", encoding="utf-8") as file:
            for number in range(lines):
                if number % 5 == 4:
                    file.write("{\n")
                else:
                    text = f"临江市民政局第{number}号通告：" + "收到大米三十袋、棉被二十床，已转交青山镇敬老院。" * (
                        number % 9
                    )
                    file.write(json.dumps({"id": f"文章{number}", "text": text}, ensure_ascii=False) + "\n")
        sys.stderr = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123 - a line for each broken one
        given = ["extract", str(source), "-o", f"{name}/out/", "--format", form, "--part-size", str(part_size)]
        assert main(given) == 1
    step = max(1, len(quick.sizes) // 10)
    return quick.sizes[step - 1 :: step]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--format", default="jsonl")
    parser.add_argument("--part-size", type=int, default=10_000)
    chosen = parser.parse_args()
    print(json.dumps(sizes(chosen.lines, chosen.format, chosen.part_size)))
