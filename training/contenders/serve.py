"""Runs one adapter as a process of its own and times it: a JSON line in, a JSON line out.

Arguments are the adapter's file and its settings as JSON. The first line out describes the tool, or says under
``missing`` why it cannot be used. For each line ``{"texts": […]}`` in, a line follows with the seconds of wall and
CPU time, the characters of these texts, the most memory the process held so far, in bytes, and what the adapter
gave. For a line ``{}``, ``packages`` is the size on disk of what was imported from site-packages, in bytes.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import sys
import time
from collections.abc import Callable


def main() -> None:
    """Serve the adapter until standard input ends."""
    sys.path.pop(0)  # this folder, whose files are called as the tools are
    # tools greet on standard output, which is kept for answers
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        description, work = runpy.run_path(sys.argv[1])["load"](**json.loads(sys.argv[2]))
    except (Exception, SystemExit) as error:  # tools that cannot get their weights raise what they like
        why = error if isinstance(error, (ImportError, ValueError, OSError)) else f"{type(error).__name__}: {error}"
        print(json.dumps({"missing": str(why)}), file=out, flush=True)
        return
    print(json.dumps(description), file=out, flush=True)
    for line in os.fdopen(0, encoding="utf-8"):
        asked = json.loads(line)
        answer = _timed(work, asked["texts"]) if asked else {"packages": _packages()}
        print(json.dumps(answer), file=out, flush=True)


def _timed(work: Callable[[list[str]], object], texts: list[str]) -> dict[str, object]:
    wall, cpu = time.perf_counter(), _cpu_seconds()
    result = work(texts)
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    return {"wall": wall, "cpu": cpu, "characters": sum(map(len, texts)), "peak": _peak(), "result": result}


def _cpu_seconds() -> float:
    """Of this process, its threads and those of its children that have ended."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _peak() -> int:
    # ru_maxrss of a process begins with the peak of the one that started it; VmHWM of Linux does not
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123 - starts faster
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)


def _packages() -> int:
    """Bytes of the packages that were imported from site-packages, and of the libraries they brought, but ours."""
    from pathlib import Path

    found = set()
    for module in list(sys.modules.values()):
        parts = Path(getattr(module, "__file__", None) or "").parts
        for folder in ("site-packages", "dist-packages"):
            if folder in parts[:-1]:
                place = parts.index(folder) + 1
                found |= {Path(*parts[:place], parts[place] + more) for more in ("", ".libs")}
    files = {file for path in found if path.name != "bangfu" for file in (path, *path.rglob("*")) if file.is_file()}
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc")


if __name__ == "__main__":
    main()
