"""The real command, killed at random moments until it has come to its end.

``python tests/kills.py --kills 100`` does it a hundred times and says what was lost and what was doubled.
"""

import argparse
import gzip
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bangfu.scripts.main import main

PART_SIZE = 7


def write_input(folder: Path, rows: int) -> None:
    """Tables and single files, with rows and files that cannot be read and ids that are there twice."""
    folder.mkdir()
    lines = []
    for number in range(rows):
        text = f"滨河县慈善会向第{number}小学捐赠图书{number + 1}册、现金{number}万元，并开展义诊。"
        lines.append(json.dumps({"id": f"n{number % (rows - 9)}", "text": text}, ensure_ascii=False))
        if number % 13 == 5:
            lines.append("{broken")
    half = len(lines) // 2
    (folder / "a.jsonl").write_text("\n".join(lines[:half]), encoding="utf-8")
    for number in range(20):
        text = "" if number % 6 == 1 else f"{number}月，临江市民政局慰问困难户{number}户。"
        (folder / f"b{number:02}.txt").write_text(text, encoding="utf-8")
    (folder / "c.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[half:]).encode()))
    (folder / "d.csv").write_text("id,text\nn3,青山镇收到大米30袋\nq\n", encoding="utf-8")


def start(arguments: list[str]) -> int:
    """The process of a command: its own, but with all imports done, which are most of a short run's time."""
    child = os.fork()
    if child == 0:
        status = 3
        try:
            sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
            status = main(arguments)
        finally:
            os._exit(status)
    return child


def run(source: Path, out: Path, kills: int, chance: random.Random, workers: int = 0) -> int:
    """Run to the end, with at most ``kills`` kills on the way, each after some work; how many there were."""
    arguments = ["extract", str(source), "-o", f"{out}/", "--part-size", str(PART_SIZE), "--device", "cpu"]
    arguments += ["--workers", str(workers)]
    done = 0
    while done < kills:
        before = _state(out)
        child = start(arguments)
        ended = 0
        while not ended and _state(out) == before:  # until it begins to write
            time.sleep(0.002)
            ended, _ = os.waitpid(child, os.WNOHANG)
        if not ended:
            time.sleep(chance.random() ** 2 * 0.4)
            ended, _ = os.waitpid(child, os.WNOHANG)
        if ended:
            return done
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        done += 1
    _, status = os.waitpid(start(arguments), 0)
    assert os.waitstatus_to_exitcode(status) == 1, "the last run did not end well"
    return done


def _state(out: Path) -> list[tuple[str, int]]:
    if not out.is_dir():
        return []
    found = []
    for file in out.iterdir():
        try:
            found.append((file.name, file.stat().st_size))
        except FileNotFoundError:
            continue  # it got its name just now
    return sorted(found)


def articles(out: Path) -> Iterator[tuple[Any, ...]]:
    """What stands in the parts, without scores, which are rounded otherwise in another batch."""
    for part in sorted(out.glob("part-*.jsonl")):
        for line in part.read_text(encoding="utf-8").splitlines():
            value = json.loads(line)
            spans = tuple((entity["start"], entity["end"], entity["label"]) for entity in value["entities"])
            yield value["id"], value["text"], json.dumps(value["source"]), spans


def errors(out: Path) -> list[str]:
    """The lines of errors.jsonl."""
    return (out / "errors.jsonl").read_text(encoding="utf-8").splitlines()


def compare(out: Path, whole: Path) -> tuple[int, int]:
    """How many articles and errors are missing in ``out`` and how many are too many, compared with ``whole``."""
    ours, theirs = (Counter([*articles(folder), *errors(folder)]) for folder in (out, whole))
    return (theirs - ours).total(), (ours - theirs).total()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        source, whole = Path(name, "in"), Path(name, "whole")
        write_input(source, given.rows)
        run(source, whole, 0, chance)
        total = len(list(articles(whole))) + len(errors(whole))
        kills = runs = lost = doubled = 0
        while kills < given.kills:
            out = Path(name, f"out{runs}")
            kills += run(source, out, given.kills - kills, chance, given.workers)
            missing, extra = compare(out, whole)
            runs, lost, doubled = runs + 1, lost + missing, doubled + extra
            print(
                f"{kills} kills, {runs} runs of {total} articles and errors: {lost} lost, {doubled} doubled", flush=True
            )
    raise SystemExit(1 if lost or doubled else 0)


if __name__ == "__main__":
    _main()
