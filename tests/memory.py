"""The memory of a long run, without the model: reading, parts, ids and errors, with a quick stand-in for extraction.

``python tests/memory.py --lines 1000000`` prints the peak so far, in MB, after each tenth of the articles.
"""

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path

from bangfu.inference import Entity, Extractor
from bangfu.scripts.main import main


class Quick:
    """Finds one name in each text, and notes the peak of the process."""

    def __init__(self) -> None:
        self.articles = 0
        self.peaks: list[tuple[int, float]] = []

    def __call__(self, texts: list[str]) -> list[list[Entity]]:
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        self.articles += len(texts)
        self.peaks.append((self.articles, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit))
        return [[Entity(0, 2, "LOC", text[:2], 0.5)] if text else [] for text in texts]


def peaks(lines: int, form: str, part_size: int) -> list[tuple[int, float]]:
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
    step = max(1, len(quick.peaks) // 10)
    return quick.peaks[step - 1 :: step]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--format", default="jsonl")
    parser.add_argument("--part-size", type=int, default=10_000)
    chosen = parser.parse_args()
    print(json.dumps(peaks(chosen.lines, chosen.format, chosen.part_size)))
