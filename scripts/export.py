"""``bangfu export MODEL``: write a model folder's ONNX graph anew."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("export", help="write the ONNX graphs of a model folder (needs the extra 'train')")
    parser.add_argument("model", type=Path, help="folder that 'bangfu train' wrote")
    parser.add_argument(
        "--texts", type=Path, metavar="FILE", help="labelled documents whose texts show what the int8 graph must hold"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export, and say how far the graphs are from what torch computes."""
    from bangfu.inference.model_folder import GRAPH, INT8_GRAPH, OPENVINO_GRAPH, ModelFolder
    from bangfu.labels import labelled_file
    from bangfu.labels.user_error import UserError
    from bangfu.training import int8_graph, run_file
    from bangfu.training.export import export

    folder = ModelFolder.load(arguments.model)
    texts = [document.text for document in labelled_file.read(arguments.texts)] if arguments.texts else []
    if arguments.texts and not texts:
        raise UserError(f"{arguments.texts}: holds no documents; give labelled ones, or leave --texts out")
    difference = export(folder)
    print(f"{arguments.model / GRAPH} written; logits differ from torch by at most {difference:.1e}")
    if texts:
        share: float | None = int8_graph.write(folder, int8_graph.sample(texts))
        print(f"{arguments.model / OPENVINO_GRAPH} written")
        print(f"{arguments.model / INT8_GRAPH} written; {share:.2%} of the tags are those of fp32")
    else:
        share = None
        for name in int8_graph.remove(folder):  # it might be of other weights
            print(f"{arguments.model / name} removed; give --texts to write it anew")
    if run_file.exported(folder.path, share):
        print("its card tells of the graphs before: 'bangfu card' writes it anew")
    return 0
