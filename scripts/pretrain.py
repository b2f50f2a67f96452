"""``bangfu pretrain CONFIG``: go on training an encoder on tagged text."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("pretrain", help="pretrain an encoder (needs the extra 'train')")
    parser.add_argument("config", help="YAML file, such as configs/pretrain-mini.yaml")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bangfu.training import yaml_file
    from bangfu.training.pretraining import Pretraining
    from bangfu.training.pretraining_config import PretrainingConfig

    Pretraining(yaml_file.read(arguments.config, PretrainingConfig)).run()
    return 0
