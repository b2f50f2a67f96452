"""Text in, entities out."""

from typing import TYPE_CHECKING, Any

from bangfu.inference.article import Article, Source
from bangfu.inference.backend import DeviceError
from bangfu.inference.entity import Entity
from bangfu.inference.extractor import Extractor
from bangfu.inference.input_error import InputError
from bangfu.inference.model_folder import ModelFolderError
from bangfu.inference.value import Value

if TYPE_CHECKING:
    from bangfu.inference.reading import read

__all__ = [
    "Article",
    "DeviceError",
    "Entity",
    "Extractor",
    "InputError",
    "ModelFolderError",
    "Source",
    "Value",
    "read",
]


def __getattr__(name: str) -> Any:
    # the readers are of no use to those who only call an Extractor
    if name != "read":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bangfu.inference.reading import read

    return read
