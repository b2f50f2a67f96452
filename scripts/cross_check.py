"""``bangfu cross-check CONFIG``: find wrong marks by models that were not trained on them."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("cross-check", help="find wrong marks by models not trained on them (extra 'train')")
    parser.add_argument("config", help="YAML file of a training run; its first data set is checked")
    parser.add_argument("--folds", type=int, default=5, metavar="N")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train and read, all folds round."""
    from bangfu.training import yaml_file
    from bangfu.training.config import TrainingConfig
    from bangfu.training.cross_check import cross_check

    cross_check(yaml_file.read(arguments.config, TrainingConfig), arguments.folds)
    return 0
