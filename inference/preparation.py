"""Preparation: from texts to the tokens and windows that a model reads of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from bangfu.inference.cleaning import Cleaned
from bangfu.inference.encoder import Encoder
from bangfu.inference.model_folder import ModelSettings
from bangfu.inference.tokens import Tokens
from bangfu.inference.windows import Window, windows

Held = TypeVar("Held")


@dataclass(frozen=True)
class Prepared(Generic[Held]):
    """Some texts as a model reads them: of each its token ids [tokens] and its windows.

    ``held`` is what entities are made from when their scores are there.
    """

    ids: list[npt.NDArray[np.int64]]
    windows: list[list[Window]]
    held: Held


@dataclass(frozen=True)
class Texts:
    """Some texts, raw and clean, and their tokens."""

    raws: Sequence[str]
    cleaned: list[Cleaned]
    tokens: list[Tokens]


def prepare(
    raws: Sequence[str], encoder: Encoder, settings: ModelSettings, cleaning: Callable[[str], Cleaned]
) -> Prepared[Texts]:
    """Clean and encode texts and cut their tokens into windows."""
    cleaned = [cleaning(raw) for raw in raws]
    tokens = encoder.encode([clear.text for clear in cleaned])
    return prepared(tokens, encoder, settings, Texts(raws, cleaned, tokens))


def prepared(tokens: Sequence[Tokens], encoder: Encoder, settings: ModelSettings, held: Held) -> Prepared[Held]:
    """Cut tokens into windows."""
    cut = [windows(len(one), settings.window, settings.stride, encoder.sentence_ends(one)) for one in tokens]
    return Prepared([one.ids for one in tokens], cut, held)
