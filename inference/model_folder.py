"""The folder of a saved model: which files it holds, and what must agree before it is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from bangfu.inference.calibration import Calibration
from bangfu.inference.cleaning import CLEANING_VERSION
from bangfu.inference.input_error import reason
from bangfu.labels.atomic_file import write_json
from bangfu.labels.schema import SCHEMA_VERSION, TAGS
from bangfu.labels.user_error import UserError

SHIPPED = Path(__file__).parent / "model"

CONFIG = "config.json"  # the encoder's sizes and the tags, as transformers reads them
WEIGHTS = "model.safetensors"
GRAPH = "model.onnx"  # fp32; its weights are those of WEIGHTS, beside it
INT8_GRAPH = "model.int8.onnx"  # for CPUs; embeddings and small matrices are those of WEIGHTS. Not every model has one
# as INT8_GRAPH, for OpenVINO; all its weights are those of WEIGHTS
OPENVINO_GRAPH = "model.openvino.onnx"
TOKENIZER = "tokenizer.json"
SETTINGS = "bangfu.json"


class ModelFolderError(UserError):
    """A model folder that cannot be used: names the folder, the trouble and the mend in one line."""


@dataclass(frozen=True)
class ModelSettings:
    """What a model needs besides its weights: versions it was made with, its windows, its calibration.

    ``window`` and ``stride`` count tokens, [CLS] and [SEP] not among them. Without ``calibration`` the
    scores of entities are the model's own confidence. Entities of a score below ``min_score`` are left out
    where the user asks for no other; it is the one of the highest F1 on the dev split.
    """

    name: str
    schema_version: int
    cleaning_version: int
    tags: tuple[str, ...]
    window: int
    stride: int
    calibration: Calibration | None = None
    min_score: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.schema_version, self.cleaning_version, self.window, self.stride)
        if not isinstance(self.name, str) or not all(type(number) is int for number in numbers):
            raise ValueError("name must be text; versions, window and stride whole numbers")
        if not 0 < self.stride <= self.window:
            raise ValueError(f"stride {self.stride} must lie between 1 and window {self.window}")
        if not isinstance(self.min_score, int | float) or not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score {self.min_score} must lie between 0 and 1")

    @classmethod
    def current(cls, name: str, window: int, stride: int) -> ModelSettings:
        """Settings of a model that is made by this version of the package."""
        return cls(name, SCHEMA_VERSION, CLEANING_VERSION, TAGS, window, stride)


@dataclass(frozen=True)
class ModelFolder:
    """A checked model folder. Raises ModelFolderError when a file is missing, broken or of another version."""

    path: Path
    settings: ModelSettings

    @classmethod
    def load(cls, path: Path | str) -> ModelFolder:
        """Read and check a folder; the files of one backend only are asked for by :meth:`file`."""
        path = Path(path)
        if not path.is_dir():
            raise ModelFolderError(f"{path}: no such model folder; give one that 'bangfu train' wrote")
        file = path / SETTINGS
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            names = {field.name for field in fields(ModelSettings)}
            needed = {field.name for field in fields(ModelSettings) if field.default is MISSING}
            if not needed <= set(values) <= names:
                raise ValueError(f"its keys should be {', '.join(sorted(names))}; another version may have written it")
            calibration = values.get("calibration")
            settings = ModelSettings(
                **{
                    **values,
                    "tags": tuple(values["tags"]),
                    "calibration": None if calibration is None else Calibration(**calibration),
                }
            )
        except (OSError, ValueError, TypeError) as error:
            raise ModelFolderError(
                f"{file}: missing or broken ({error}); copy the whole folder that 'bangfu train' wrote"
            ) from error
        for what, theirs, ours in (
            ("schema version", settings.schema_version, SCHEMA_VERSION),
            ("cleaning version", settings.cleaning_version, CLEANING_VERSION),
            ("tags", settings.tags, TAGS),
        ):
            if theirs != ours:
                raise ModelFolderError(
                    f"{file}: the model's {what} is {theirs}, this package's {ours}; "
                    "train the model again or install the version of bangfu that made it"
                )
        folder = cls(path, settings)
        folder.file(TOKENIZER)
        folder._check_positions()
        return folder

    def _check_positions(self) -> None:
        file = self.file(CONFIG)
        try:
            positions = int(json.loads(file.read_text(encoding="utf-8"))["max_position_embeddings"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelFolderError(f"{file}: broken ({error!r}); copy the whole folder anew") from error
        if self.settings.window + 2 > positions:
            raise ModelFolderError(
                f"{self.path / SETTINGS}: window {self.settings.window} and two special tokens exceed the model's "
                f"{positions} positions; give a smaller window"
            )

    def has(self, name: str) -> bool:
        """Whether the folder holds a file of this name."""
        return (self.path / name).is_file()

    def file(self, name: str) -> Path:
        """The path of one of the folder's files; ModelFolderError when it is not there."""
        file = self.path / name
        if not file.is_file():
            raise ModelFolderError(f"{file}: missing; copy the whole folder that 'bangfu train' wrote")
        return file

    def check_weights(self) -> None:
        """ModelFolderError when the safetensors file is not there or not whole: a graph's own error names no mend."""
        file = self.file(WEIGHTS)
        try:
            with file.open("rb") as stream:
                size = int.from_bytes(stream.read(8), "little")
                # a rubbish size must not become memory
                entries = json.loads(stream.read(min(size, file.stat().st_size)))
            ends = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
            if file.stat().st_size != 8 + size + max(ends):
                raise ValueError(f"{file.stat().st_size:,} bytes in the place of {8 + size + max(ends):,}")
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise ModelFolderError(f"{file}: broken ({reason(error)}); copy the whole folder anew") from error

    def version(self) -> str:
        """The model's name and eight digits of its weights' SHA-256, so that models of one name are told apart."""
        return f"{self.settings.name}-{hashlib.sha256(self.file(WEIGHTS).read_bytes()).hexdigest()[:8]}"

    def fingerprint(self) -> str:
        """A hash of all of the model that results depend on: every file but the card."""
        return self.digest(file.name for file in self.path.iterdir() if file.is_file() and file.suffix != ".md")

    def digest(self, names: Iterable[str]) -> str:
        """A hash of files of the folder, by name, size and content."""
        digest = hashlib.blake2b(digest_size=16)
        for name in sorted(names):
            file = self.path / name
            digest.update(f"{name}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()


def write_settings(path: Path, settings: ModelSettings) -> None:
    """Write the settings file of a model folder."""
    write_json(path / SETTINGS, asdict(settings))
