"""``bangfu experiment CONFIG``: variants of a training run, several seeds each, in one table."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("experiment", help="compare variants of a training run (needs the extra 'train')")
    parser.add_argument("config", help="YAML file of an experiment, such as configs/ablation.yaml")
    parser.add_argument("--only", nargs="+", default=[], metavar="VARIANT", help="train these variants only")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train and measure what is not there yet."""
    from bangfu.training import yaml_file
    from bangfu.training.experiment import experiment
    from bangfu.training.experiment_config import ExperimentConfig

    experiment(yaml_file.read(arguments.config, ExperimentConfig), arguments.only)
    return 0
