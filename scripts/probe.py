"""``bangfu probe CONFIG``: measure an encoder by fine-tuning it on a public set."""

from __future__ import annotations

import argparse
import dataclasses


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("probe", help="measure an encoder by fine-tuning (needs the extra 'train')")
    parser.add_argument("config", help="YAML file, such as configs/probe.yaml")
    parser.add_argument("--encoder", help="another encoder than that of the settings")
    parser.add_argument("--output", help="another output folder than that of the settings")
    parser.add_argument("--check", action="store_true", help="only check the settings file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the settings and probe."""
    from bangfu.training import yaml_file
    from bangfu.training.probe_config import ProbeConfig

    config = yaml_file.read(arguments.config, ProbeConfig)
    given = {name: getattr(arguments, name) for name in ("encoder", "output") if getattr(arguments, name)}
    config = dataclasses.replace(config, **given)
    if arguments.check:
        print(f"{arguments.config}: good")
        return 0
    from bangfu.training.probe import Probe

    Probe(config).run()
    return 0
