"""``bangfu train CONFIG``: fine-tune a model."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("train", help="fine-tune a model (needs the extra 'train')")
    parser.add_argument("config", help="YAML file, such as configs/mini.yaml")
    parser.add_argument("--check", action="store_true", help="only check the settings file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the settings and train."""
    from bangfu.training import yaml_file
    from bangfu.training.config import TrainingConfig

    config = yaml_file.read(arguments.config, TrainingConfig)
    if arguments.check:
        print(f"{arguments.config}: good")
        return 0
    from bangfu.training.finetuning import train

    train(config)
    return 0
