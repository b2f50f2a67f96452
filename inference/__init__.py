"""Text in, entities out."""

from bangfu.inference.backend import DeviceError
from bangfu.inference.entity import Entity
from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import ModelFolderError

__all__ = ["DeviceError", "Entity", "Extractor", "ModelFolderError"]
