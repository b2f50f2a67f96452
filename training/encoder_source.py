"""Where an encoder comes from: a local folder, or a model of the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from bangfu.training.yaml_file import ConfigError

_VOCABULARIES = ("tokenizer.json", "vocab.*", "*.model")


def check_encoder(name: str) -> None:
    """Raise ConfigError for a folder that is missing, which transformers would take for a model of the hub.

    And for one without a vocabulary, of which transformers would make a tokenizer that knows no character.
    """
    path = Path(name)
    if path.is_dir():
        if not any(file for pattern in _VOCABULARIES for file in path.glob(pattern)):
            raise ConfigError(f"encoder {name}: holds no tokenizer.json and no vocab.txt; copy the whole folder")
        return
    # Path drops a leading "./", which no name of the hub has
    if name.startswith((".", "/")) or Path(path.parts[0]).is_dir() or len(path.parts) > 2:
        raise ConfigError(f"encoder {name}: no such folder; give a folder with an encoder, or a hub name")


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Whatever keeps transformers from loading an encoder in the block is a ConfigError of one line."""
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        raise ConfigError(f"encoder {name}: cannot be loaded: {' '.join(str(error).split())}") from error
