"""``bangfu export MODEL``: write a model folder's ONNX graph anew."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("export", help="write the ONNX graph of a model folder (needs the extra 'train')")
    parser.add_argument("model", type=Path, help="folder that 'bangfu train' wrote")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export, and say how far the two backends' logits differ."""
    from bangfu.inference.model_folder import GRAPH, ModelFolder
    from bangfu.training.export import export

    difference = export(ModelFolder.load(arguments.model))
    print(f"{arguments.model / GRAPH} written; logits differ from torch by at most {difference:.1e}")
    return 0
