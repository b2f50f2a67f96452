"""Settings files: YAML read safely into a frozen dataclass, every key and type checked."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar, Union

import yaml

from bangfu.labels.atomic_file import replaced
from bangfu.labels.user_error import UserError

T = TypeVar("T")


class ConfigError(UserError):
    """A settings file that cannot be used: says where, what and how to mend it, in one line."""


class _Loader(yaml.SafeLoader):
    """The safe loader, but a key that stands twice is an error instead of the last one winning."""

    def construct_document(self, node: yaml.Node) -> Any:
        # before << puts the keys of other mappings beside those that go before them
        _refuse_repetition(node, set())
        return super().construct_document(node)


def _refuse_repetition(node: yaml.Node, seen: set[int]) -> None:
    if id(node) in seen:  # an anchor, which may even hold itself
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", node.start_mark)
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            _refuse_repetition(part, seen)


def read(path: Path | str, kind: type[T]) -> T:
    """Read a YAML file into the dataclass ``kind``.

    Raises ConfigError for a missing file, bad YAML, an unknown key (the nearest known one is named), a
    missing key, a value of the wrong type, and whatever ``kind`` itself refuses.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give the path of a YAML file") from error
    try:
        values = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that is none
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    return build(values, kind, str(path))


def write(path: Path, config: Any) -> None:
    """Write a dataclass as YAML that :func:`read` takes back."""
    with replaced(path) as partial:
        partial.write_text(dump(config), encoding="utf-8")


def dump(config: Any) -> str:
    """A dataclass as YAML."""
    return str(yaml.safe_dump(plain(config), allow_unicode=True, sort_keys=False))


def plain(value: Any) -> Any:
    """A dataclass as plain dicts, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def build(values: object, kind: type[T], where: str) -> T:
    """Check plain values against the dataclass ``kind`` and build it; ``where`` begins each complaint."""
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected keys and values, found {type(values).__name__}")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1, cutoff=0.0)[0]
            raise ConfigError(f"{where}: unknown key {key!r}; did you mean {near!r}? Known: {', '.join(fields)}")
    given: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            given[name] = _convert(values[name], hints[name], f"{where}: {name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}: the key {name!r} is missing; add it")
    try:
        return kind(**given)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _convert(value: object, hint: Any, where: str) -> Any:
    if hint is Any:
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        inner = [argument for argument in arguments if argument is not type(None)]
        return _convert(value, inner[0], where)
    if origin is typing.Literal:
        if value not in arguments:
            raise ConfigError(f"{where}: {value!r} is not one of {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: expected a list, found {value!r}")
        return tuple(_convert(item, arguments[0], f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: expected keys and values, found {value!r}")
        return {str(key): _convert(item, arguments[1], f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return build(value, typing.cast(type, hint), where)
    if hint is float and isinstance(value, str):
        # YAML 1.1 reads 3e-4 (no dot) as a string
        try:
            return float(value)
        except ValueError:
            pass
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and (not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)):
        raise ConfigError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value
