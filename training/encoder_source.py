"""Where an encoder comes from: a local folder, or a model of the hub."""

from __future__ import annotations

from pathlib import Path

from bangfu.training.yaml_file import ConfigError


def check_encoder(name: str) -> None:
    """Raise ConfigError for a folder that is missing, which transformers would take for a model of the hub."""
    path = Path(name)
    if path.is_dir():
        return
    # Path drops a leading "./", which no name of the hub has
    if name.startswith((".", "/")) or Path(path.parts[0]).is_dir() or len(path.parts) > 2:
        raise ConfigError(f"encoder {name}: no such folder; give a folder with an encoder, or a hub name")
