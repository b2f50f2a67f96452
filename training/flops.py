"""The arithmetic of a BERT token classifier, counted from its sizes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bangfu.labels.user_error import UserError


@dataclass(frozen=True)
class Work:
    """Floating-point operations, a multiplication and an addition counted as two.

    ``linear`` is of products with weights, ``attention`` of those of tokens with tokens. Norms, softmax, GELU and
    biases, some hundredth of the whole, are not counted.
    """

    linear: int = 0
    attention: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.linear + other.linear, self.attention + other.attention)

    @property
    def total(self) -> int:
        """Both together."""
        return self.linear + self.attention

    def to_json(self) -> dict[str, int]:
        """Both, as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class BertSizes:
    """Sizes of a BERT: ``inner`` is the width inside its feed-forward layers, ``tags`` that of its answer."""

    layers: int
    hidden: int
    inner: int
    tags: int

    @classmethod
    def load(cls, path: Path) -> BertSizes:
        """From a ``config.json``; UserError when it is not one of a BERT."""
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            if config["model_type"] != "bert":
                raise ValueError(f"model_type is {config['model_type']!r}")
            layers, hidden, inner = (
                int(config[name]) for name in ("num_hidden_layers", "hidden_size", "intermediate_size")
            )
            return cls(layers, hidden, inner, len(config["id2label"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: no sizes of a BERT in it ({error!r}); give a folder of 'bangfu train'") from error

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """[in, out] of the products of one layer with weights; those of query, key and value are one."""
        hidden, inner = self.hidden, self.inner
        return [(hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden)]

    def work(self, tokens: int, length: int) -> Work:
        """Of so many tokens that each look at ``length`` tokens, padding and special ones counted as any."""
        weights = self.layers * sum(rows * columns for rows, columns in self.matrices) + self.hidden * self.tags
        # scores from queries and keys, and their sum of values
        return Work(2 * tokens * weights, 2 * tokens * self.layers * 2 * length * self.hidden)
