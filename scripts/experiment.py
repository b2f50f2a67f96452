"""``bangfu experiment CONFIG``: variants of a training run, several seeds each, in one table."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("experiment", help="compare variants of a training run (needs the extra 'train')")
    parser.add_argument("config", help="YAML file of an experiment, such as configs/ablation.yaml")
    parser.add_argument("--only", nargs="+", default=[], metavar="VARIANT", help="train these variants only")
    parser.add_argument("--check", action="store_true", help="only check the settings of every variant")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train and measure what is not there yet."""
    from bangfu.training import yaml_file
    from bangfu.training.experiment_config import ExperimentConfig

    config = yaml_file.read(arguments.config, ExperimentConfig)
    if arguments.check:
        from bangfu.training.variants import variants

        print(f"{arguments.config}: good, {len(variants(config))} variants of {config.base}")
        return 0
    from bangfu.training.experiment import experiment

    experiment(config, arguments.only)
    return 0
