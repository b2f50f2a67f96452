"""``bangfu pretrain CONFIG``: train an encoder on plain, tagged and labelled text."""

from __future__ import annotations

import argparse
import json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("pretrain", help="pretrain an encoder on text (needs the extra 'train')")
    parser.add_argument("config", help="YAML file, such as configs/pretrain-mini.yaml")
    parser.add_argument("--check", action="store_true", help="only check the settings file")
    parser.add_argument("--prepare", action="store_true", help="only prepare the tokens and report what was dropped")
    parser.add_argument("--measure", action="store_true", help="only measure the starting encoder on held-out text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the settings and pretrain."""
    from bangfu.training import yaml_file
    from bangfu.training.pretraining_config import PretrainingConfig

    config = yaml_file.read(arguments.config, PretrainingConfig)
    if arguments.check:
        print(f"{arguments.config}: good")
        return 0
    from bangfu.training.pretraining import Pretraining, prepare

    if arguments.prepare:
        prepare(config)
        return 0
    if arguments.measure:
        print(json.dumps(Pretraining(config).held_out()))
        return 0
    Pretraining(config).run()
    return 0
