"""``bangfu learning-curve CONFIG``: what more training documents are worth."""

from __future__ import annotations

import argparse
import dataclasses


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("learning-curve", help="train on shares of the documents (needs the extra 'train')")
    parser.add_argument("config", help="YAML file of a training run; its first data set is cut")
    parser.add_argument("--shares", nargs="+", type=float, default=[0.125, 0.25, 0.5, 1.0], metavar="SHARE")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="that of the settings when not given")
    parser.add_argument("--output", help="another output folder than that of the settings")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train all points that are not there yet."""
    from bangfu.training import yaml_file
    from bangfu.training.config import TrainingConfig
    from bangfu.training.learning_curve import learning_curve

    config = yaml_file.read(arguments.config, TrainingConfig)
    config = dataclasses.replace(config, output=arguments.output or f"{config.output}-learning-curve")
    learning_curve(config, arguments.shares, arguments.seeds or [config.seed])
    return 0
