"""Which entities are put out: by their scores, and by those of the same name in the same article."""

import dataclasses
import json
from pathlib import Path

import pytest

from bangfu.inference import Entity, Extractor, ModelFolderError
from bangfu.inference.model_folder import SETTINGS, SHIPPED, ModelFolder
from bangfu.inference.selection import select
from bangfu.labels.user_error import UserError


def test_a_name_that_is_sure_once_is_kept_throughout_its_article() -> None:
    sure, same, written_otherwise, other_label, unsure = (
        Entity(0, 2, "LOC", "万源", 0.9),
        Entity(5, 7, "LOC", "万源", 0.2),
        Entity(9, 20, "LOC", "萬(wàn)源(yuán)", 0.1),
        Entity(21, 23, "ORG", "万源", 0.2),
        Entity(25, 27, "LOC", "达州", 0.3),
    )
    assert select([sure, same, written_otherwise, other_label, unsure], 0.5) == [sure, same, written_otherwise]
    assert select([same, unsure], 0.5) == []
    assert select([same, unsure], 0.0) == [same, unsure]


def test_the_model_recommends_a_score_and_the_user_decides(extractor: Extractor, article: str) -> None:
    least = extractor.settings.min_score
    assert 0 < least < 1
    everything = extractor(article * 2, min_score=0)
    assert extractor(article * 2) == select(everything, least)
    strict = Extractor.load(device="cpu", min_score=0.999)
    assert strict(article * 2) == select(everything, 0.999) and len(strict(article * 2)) < len(everything)
    assert strict(article * 2, min_score=0) == everything
    plain = Extractor(extractor.backend, extractor.encoder, dataclasses.replace(extractor.settings, min_score=0.0))
    assert plain(article * 2) == everything
    with pytest.raises(UserError, match="between 0 and 1"):
        extractor(article, min_score=2)


def test_an_old_model_folder_recommends_nothing(tmp_path: Path) -> None:
    for file in SHIPPED.iterdir():
        (tmp_path / file.name).symlink_to(file)
    values = json.loads((SHIPPED / SETTINGS).read_text(encoding="utf-8"))
    (tmp_path / SETTINGS).unlink()
    (tmp_path / SETTINGS).write_text(
        json.dumps({k: v for k, v in values.items() if k != "min_score"}), encoding="utf-8"
    )
    assert ModelFolder.load(tmp_path).settings.min_score == 0
    (tmp_path / SETTINGS).write_text(json.dumps(values | {"min_score": 7}), encoding="utf-8")
    with pytest.raises(ModelFolderError, match="min_score 7"):
        ModelFolder.load(tmp_path)
