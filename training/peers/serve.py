"""Runs one adapter as a process of its own: a JSON line in, a JSON line out.

The first line out says what the tool is, under ``missing`` that it is not there, or under ``broken`` why it cannot be
loaded; then, for each line ``{"text"}`` in, a line ``{"marks": [[start, end, tag], …]}`` follows.
"""

from __future__ import annotations

import json
import os
import runpy
import sys


def main() -> None:
    """Serve the adapter whose file is the first argument."""
    sys.path.pop(0)  # this folder, whose files are called as the tools are
    # tools greet on standard output, which is kept for answers
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    adapter = runpy.run_path(sys.argv[1])
    try:
        find = adapter["load"]()
        find("民政部")  # versions that do not fit each other often show only here
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=out, flush=True)
        return
    except (Exception, SystemExit) as error:  # tools that cannot get their weights raise what they like
        print(json.dumps({"broken": f"{type(error).__name__}: {error}"}), file=out, flush=True)
        return
    hello = {key.lower(): adapter[key] for key in ("NAME", "LABELS", "NUMBERS")}
    print(json.dumps(dict(hello, version=_version(adapter["PACKAGE"]))), file=out, flush=True)
    for line in os.fdopen(0, encoding="utf-8"):
        print(json.dumps({"marks": find(json.loads(line)["text"])}), file=out, flush=True)


def _version(package: str) -> str:
    try:
        from importlib.metadata import version

        return version(package)
    except Exception:  # Python 3.7 has no importlib.metadata, and some tools no metadata
        return ""


if __name__ == "__main__":
    main()
