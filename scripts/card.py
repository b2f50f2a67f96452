"""``bangfu card MODEL``: write a model's card, with figures that were measured."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("card", help="write the card of a model folder (needs the extra 'train')")
    parser.add_argument("model", type=Path, help="folder that 'bangfu train' wrote")
    parser.add_argument(
        "--measured",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a metrics.json of 'bangfu evaluate --output', and what was measured; may be given again",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Render the card from the model folder and the measurements."""
    from bangfu.inference.model_folder import ModelFolder
    from bangfu.labels.user_error import UserError
    from bangfu.training import model_card

    measured = {}
    for pair in arguments.measured:
        name, equals, file = pair.rpartition("=")
        if not equals:
            raise UserError(f"--measured {pair}: write NAME=FILE")
        measured[name] = model_card.measurement(Path(file))
    print(f"{model_card.write(ModelFolder.load(arguments.model), measured)} written")
    return 0
