"""The windows a fine-tuning run sees, those of augmented documents drawn anew each epoch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch.utils.data import Dataset

from bangfu.inference.encoder import Encoder
from bangfu.labels.document import Document
from bangfu.training import dataset
from bangfu.training.alignment import Example, Report, align
from bangfu.training.augmentation import Augmenter
from bangfu.training.config import DatasetConfig, TrainingConfig
from bangfu.training.yaml_file import ConfigError

Row = dict[str, list[int]]


def _row(example: Example) -> Row:
    return {"input_ids": example.ids.tolist(), "tags": example.tags.tolist()}


class TrainingSet(Dataset[Row]):
    """Rows ``{"input_ids", "tags"}``, as many in every epoch.

    Variants of a document may take more windows than the document did. Of all windows of the variants of
    an epoch as many are kept as the documents had, chosen at random, and where there are fewer some come
    twice. ``reports`` says what the alignment of the documents as they are kept and dropped, a file each.
    """

    def __init__(self, config: TrainingConfig, encoder: Encoder, say: Callable[[str], None]) -> None:
        self.config, self.encoder = config, encoder
        self.reports: list[Report] = []
        self._fixed: list[Row] = []
        self._augmented: list[tuple[DatasetConfig, list[Document], int, Augmenter]] = []
        for number, part in enumerate(config.train):
            documents = dataset.load(part)
            examples, report = self._align(documents, part)
            say(f"{part.path}: {report}" + (f"; seen {part.repeat} times an epoch" if part.repeat > 1 else ""))
            self.reports.append(report)
            if part.augmentation:
                augmenter = Augmenter(part.augmentation, config.seed * 1000 + number)
                self._augmented.append((part, documents * part.repeat, len(examples) * part.repeat, augmenter))
            else:
                self._fixed += [_row(example) for example in examples] * part.repeat
        if not self._fixed and not any(size for *_, size, _ in self._augmented):
            raise ConfigError("the training data holds no text; check the paths under train")
        self._rows: list[Row] = []
        self._order: list[int] | None = None
        self._epoch = -1
        self.set_epoch(0)

    def _align(self, documents: list[Document], part: DatasetConfig) -> tuple[list[Example], Report]:
        return align(documents, self.encoder, self.config.window, self.config.stride, part.annotates)

    def set_epoch(self, epoch: int) -> None:
        """Draw the variants of an epoch, a function of the settings and the epoch alone."""
        if epoch == self._epoch or (self._epoch >= 0 and not self._augmented):
            return
        self._epoch = epoch
        rows = list(self._fixed)
        for number, (part, documents, size, augmenter) in enumerate(self._augmented):
            examples, _ = self._align(augmenter(documents, epoch), part)
            random = np.random.default_rng([self.config.seed, epoch, number])
            chosen = np.resize(random.permutation(len(examples)), size)
            rows += [_row(examples[index]) for index in chosen]
        # The sampler groups rows by the lengths of the first epoch, so rows of like rank change places.
        ranks = sorted(range(len(rows)), key=lambda index: len(rows[index]["input_ids"]))
        if self._order is None:
            self._order = ranks
            self._rows = rows
        else:
            placed: list[Row] = [{}] * len(rows)
            for place, index in zip(self._order, ranks, strict=True):
                placed[place] = rows[index]
            self._rows = placed

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Row:
        return self._rows[index]
