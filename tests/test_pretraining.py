"""Pretraining of a very small encoder: masks, falling loss, resume."""

import dataclasses
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from models import tiny_encoder
from safetensors.torch import load_file

from bangfu.training.masking import corrupt, mask_words
from bangfu.training.pretraining import Pretraining, learning_rate
from bangfu.training.pretraining_config import PretrainingConfig

WORDS = "江苏/LOC 慈善/n 总会/n 向/p 海南/LOC 捐赠/v 五百/m 万元/q ，/w 12/m 万元/q 助学/v 。/w"


def test_masks_are_whole_words_at_the_stated_rate() -> None:
    random = np.random.default_rng(1)
    starts = random.random((50, 200)) < 0.5
    masked = mask_words(starts, 0.2, random)
    assert masked.mean() == pytest.approx(0.2, abs=0.01)
    for row in range(50):
        edges = [0, *(index for index in range(1, 200) if starts[row, index]), 200]
        for first, last in pairwise(edges):
            if last - first <= 4:
                assert masked[row, first:last].all() or not masked[row, first:last].any()


def test_corruption_is_of_masked_tokens_alone() -> None:
    random = np.random.default_rng(1)
    ids = random.integers(5, 100, (100, 200))
    masked = random.random((100, 200)) < 0.2
    changed = corrupt(ids, masked, 4, (5, 100), random)
    assert (changed[~masked] == ids[~masked]).all() and (changed >= 4).all()
    assert (changed[masked] == 4).mean() == pytest.approx(0.8, abs=0.02)
    assert (changed[masked] == ids[masked]).mean() == pytest.approx(0.1, abs=0.02)


@pytest.fixture
def config(tmp_path: Path) -> PretrainingConfig:
    (tmp_path / "text.txt").write_text(f"{WORDS}\n" * 60, encoding="utf-8")
    return PretrainingConfig(
        text=(str(tmp_path / "text.txt"),),
        encoder=str(tiny_encoder(tmp_path / "encoder")),
        output=str(tmp_path / "run"),
        steps=60,
        tokens_per_step=256,
        lengths=(16, 32),
        learning_rate=5e-3,
        warmup_steps=5,
        decay_steps=10,
        bf16=False,
        log_steps=10,
    )


def test_pretraining_learns_and_resumes_bit_for_bit(config: PretrainingConfig, tmp_path: Path) -> None:
    said: list[str] = []
    Pretraining(config, said.append).run()
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert log[-1]["masked_loss"] < 0.8 * log[0]["masked_loss"] and log[-1]["tag_loss"] < 0.5 * log[0]["tag_loss"]
    # stopped after 17 steps: the encoder has dropout, so that the random state counts, too
    other = dataclasses.replace(config, output=str(tmp_path / "other"))
    first = Pretraining(other, said.append)
    losses = first.losses

    def stopping(batch):  # type: ignore[no-untyped-def]
        if first.step == 17:
            first._checkpoint()
            raise KeyboardInterrupt
        return losses(batch)

    first.losses = stopping  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        first.run()
    Pretraining(other, said.append).run()
    assert any("at step 17" in line for line in said)
    one, two = (load_file(tmp_path / name / "encoder" / "model.safetensors") for name in ("run", "other"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_rate_rises_stays_and_falls(config: PretrainingConfig) -> None:
    rates = [learning_rate(step, config) for step in range(config.steps)]
    assert rates[:5] == sorted(rates[:5]) and rates[5:50] == [5e-3] * 45
    assert rates[50:] == sorted(rates[50:], reverse=True) and 0 < rates[-1] < rates[0]
