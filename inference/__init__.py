"""Text in, entities out."""

from bangfu.inference.article import Article, Source
from bangfu.inference.backend import DeviceError
from bangfu.inference.entity import Entity
from bangfu.inference.extractor import Extractor
from bangfu.inference.input_error import InputError
from bangfu.inference.model_folder import ModelFolderError
from bangfu.inference.reading import read

__all__ = ["Article", "DeviceError", "Entity", "Extractor", "InputError", "ModelFolderError", "Source", "read"]
