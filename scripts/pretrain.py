"""``bangfu pretrain CONFIG``: go on training an encoder on tagged text."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("pretrain", help="pretrain an encoder (needs the extra 'train')")
    parser.add_argument("config", help="YAML file, such as configs/pretrain-mini.yaml")
    parser.add_argument("--check", action="store_true", help="only check the settings file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the settings and pretrain."""
    from bangfu.training import yaml_file
    from bangfu.training.pretraining_config import PretrainingConfig

    config = yaml_file.read(arguments.config, PretrainingConfig)
    if arguments.check:
        print(f"{arguments.config}: good")
        return 0
    from bangfu.training.pretraining import Pretraining

    Pretraining(config).run()
    return 0
