"""Pretraining of a very small encoder: masks, falling loss, resume, shares of a step."""

import dataclasses
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from models import tiny_encoder
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM

from bangfu.labels.user_error import UserError
from bangfu.training import pieces, pretraining_log, yaml_file
from bangfu.training.masking import corrupt, mask_words, random_spans
from bangfu.training.pretraining import Pretraining, learning_rate
from bangfu.training.pretraining_config import ArchitectureConfig, PretrainingConfig, SourceConfig

WORDS = "江苏/LOC 慈善/n 总会/n 向/p 海南/LOC 捐赠/v 五百/m 万元/q ，/w 12/m 万元/q 助学/v 。/w"
MARKED = {"text": "江苏慈善总会向海南捐赠", "spans": [{"start": 7, "end": 9, "label": "LOC"}]}


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


def test_masks_are_those_drawn_row_by_row() -> None:
    draw = np.random.default_rng(1)
    for seed in range(50):
        rows, length, share = int(draw.integers(1, 9)), int(draw.integers(1, 60)), float(draw.uniform(0.01, 0.99))
        starts = draw.random((rows, length)) < draw.random()
        random, budget, expected = np.random.default_rng(seed), max(1, round(share * length)), []
        for row in starts:
            inside, words = 0, list[list[int]]()
            for place in range(length):
                inside = 0 if row[place] or not words else inside + 1
                if inside % 4:
                    words[-1].append(place)
                else:
                    words.append([place])
            masked: list[int] = []
            for number, word in enumerate(random.permutation(len(words))):
                if number and len(masked) + len(words[word]) > budget:
                    break
                masked += words[word]
            expected.append(np.isin(np.arange(length), masked))
        assert (mask_words(starts, share, np.random.default_rng(seed)) == expected).all()


def test_where_no_words_are_known_masks_are_spans_of_one_to_four() -> None:
    random = np.random.default_rng(1)
    tokens = np.ones((50, 400), dtype=bool)
    tokens[:, 10] = False  # a digit that goes on a number
    starts = random_spans(tokens, random)
    assert not starts[:, 10].any() and starts[:, 0].all()
    lengths = np.concatenate([np.diff(np.flatnonzero(row[12:])) for row in starts])
    shares = np.bincount(lengths, minlength=5) / len(lengths)
    assert shares[1:5] == pytest.approx([0.25] * 4, abs=0.02) and len(shares) == 5
    assert mask_words(starts, 0.2, random).mean() == pytest.approx(0.2, abs=0.01)


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
    # the same sentence again and again would be dropped, so each has a number of its own
    numbers = "一二三四五六七八九十"
    lines = [WORDS.replace("五百", f"{a}百{b}十") for a in numbers for b in numbers]
    (tmp_path / "text.txt").write_text("\n\n".join(lines), encoding="utf-8")
    (tmp_path / "names.jsonl").write_text(f"{json.dumps(MARKED)}\n" * 30, encoding="utf-8")
    return PretrainingConfig(
        sources=(
            SourceConfig(str(tmp_path / "text.txt"), "tagged"),
            SourceConfig(str(tmp_path / "names.jsonl"), "labelled", {"LOC": "LOC"}),
        ),
        encoder=str(tiny_encoder(tmp_path / "encoder")),
        output=str(tmp_path / "run"),
        steps=60,
        held_out=0.1,
        tokens_per_step=256,
        lengths=(16, 32),
        learning_rate=5e-3,
        warmup_steps=5,
        decay_steps=10,
        dropout=0.1,
        bf16=False,
        log_steps=10,
    )


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "encoder" / "model.safetensors")


def test_pretraining_learns_and_resumes_bit_for_bit(config: PretrainingConfig, tmp_path: Path) -> None:
    said: list[str] = []
    Pretraining(config, said.append).run()
    log = [row for row in pretraining_log.read(tmp_path / "run") if "masked_loss" in row]
    assert log[-1]["masked_loss"] < 0.8 * log[0]["masked_loss"]
    assert log[-1]["tags_loss"] < 0.5 * log[0]["tags_loss"] and log[-1]["names_loss"] < 0.5 * log[0]["names_loss"]
    assert (tmp_path / "run" / "log.png").stat().st_size > 10_000
    AutoModelForMaskedLM.from_pretrained(tmp_path / "run" / "encoder")
    # stopped after 17 steps: the encoder has dropout, so that the random state counts, too
    other = dataclasses.replace(config, output=str(tmp_path / "other"))
    first = Pretraining(other, said.append)
    train_on = first._train_on

    # not in `batch`, which a thread of its own calls while the step before is still being taken
    def stopping(batch):  # type: ignore[no-untyped-def]
        if first.step == 17:
            first._checkpoint()
            raise KeyboardInterrupt
        return train_on(batch)

    first._train_on = stopping  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        first.run()
    Pretraining(other, said.append).run()
    assert any("at step 17" in line for line in said)
    one, two = _weights(tmp_path / "run"), _weights(tmp_path / "other")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_budget_stops_a_run_that_can_go_on(config: PretrainingConfig, tmp_path: Path) -> None:
    said: list[str] = []
    Pretraining(dataclasses.replace(config, budget_minutes=1e-6), said.append).run()
    stale = tmp_path / "run" / "encoder" / "model-00001-of-00002.safetensors"
    stale.touch()  # of an earlier save: must not lie beside the new weights
    assert any("stopped after" in line and "at step 1;" in line for line in said)
    Pretraining(config, said.append).run()
    assert any("at step 1" in line and "resuming" in line for line in said)
    assert not stale.exists()
    Pretraining(dataclasses.replace(config, output=str(tmp_path / "whole")), said.append).run()
    one, two = _weights(tmp_path / "run"), _weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_small_batches_give_the_step_of_a_large_one(config: PretrainingConfig, tmp_path: Path) -> None:
    # no dropout, which differs between batches; fixed lengths, so that a micro-batch is two rows
    config = dataclasses.replace(config, dropout=0.0, lengths=(32,), steps=15, decay_steps=2)
    Pretraining(config, list[str]().append).run()
    other = dataclasses.replace(config, micro_batch_tokens=64, output=str(tmp_path / "other"))
    Pretraining(other, list[str]().append).run()
    rows = [pretraining_log.read(tmp_path / name)[-1]["held_out"] for name in ("run", "other")]
    assert rows[0]["masked"] == pytest.approx(rows[1]["masked"], abs=2e-3)
    assert rows[0]["tags"] == pytest.approx(rows[1]["tags"], abs=2e-3)


def test_specials_are_neither_masked_nor_drawn(config: PretrainingConfig) -> None:
    run = Pretraining(config, list[str]().append)
    for step in range(20):
        batch = run.batch(step)
        assert not batch.masked[:, [0, -1]].any() and batch.masked[:, 1:-1].any(axis=1).all()
        assert (batch.inputs[:, 0] == run.specials.cls).all() and (batch.inputs[:, -1] == run.specials.sep).all()
        changed = batch.inputs[batch.inputs != batch.ids]
        assert ((changed == run.specials.mask) | (changed >= run.specials.first)).all()


def test_two_processes_take_the_steps_of_one(config: PretrainingConfig, tmp_path: Path) -> None:
    config = dataclasses.replace(config, dropout=0.0, lengths=(32,), steps=15, decay_steps=2)
    Pretraining(config, list[str]().append).run()
    other = dataclasses.replace(config, output=str(tmp_path / "two"))
    yaml_file.write(tmp_path / "two.yaml", other)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "-m", "bangfu.scripts.main", "pretrain", str(tmp_path / "two.yaml")],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    logs = [pretraining_log.read(tmp_path / name) for name in ("run", "two")]
    for one, two in zip(*logs, strict=True):
        for name in ("masked_loss", "tags_loss", "names_loss"):
            assert one.get(name) == pytest.approx(two.get(name), abs=2e-3)


def test_more_processes_than_rows_are_refused(config: PretrainingConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 9)
    with pytest.raises(UserError, match="gives no row to some of 9 processes"):
        Pretraining(config, list[str]().append)


def test_a_new_encoder_has_a_vocabulary_of_its_own(config: PretrainingConfig, tmp_path: Path) -> None:
    architecture = ArchitectureConfig(layers=1, hidden_size=16, heads=2, positions=64)
    new = dataclasses.replace(config, encoder="", architecture=architecture, steps=16, output=str(tmp_path / "new"))
    Pretraining(new, list[str]().append).run()
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "new" / "encoder")
    assert model.config.num_hidden_layers == 1 and model.config.vocab_size > 6763


def test_a_row_longer_than_the_positions_is_refused(config: PretrainingConfig) -> None:
    with pytest.raises(UserError, match="256 exceeds the encoder's 128 positions"):
        Pretraining(dataclasses.replace(config, lengths=(256,)), list[str]().append)


def test_other_settings_do_not_go_on_from_a_run(config: PretrainingConfig) -> None:
    Pretraining(dataclasses.replace(config, budget_minutes=1e-6), list[str]().append).run()
    with pytest.raises(UserError, match="holds a run of other settings"):
        Pretraining(dataclasses.replace(config, weight_decay=0.1), list[str]().append).run()


def test_pieces_are_small_and_whole(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(1000).float().view(10, 100), "b": torch.ones(3), "c": torch.tensor(7.0)}
    pieces.save(tensors, {"step": 3}, tmp_path / "c", limit=1024)
    assert all(file.stat().st_size < 2048 for file in (tmp_path / "c").iterdir())
    found, values = pieces.load(tmp_path / "c")
    assert values == {"step": 3} and all(torch.equal(found[name], tensors[name]) for name in tensors)
    # a kill between the two renames leaves the last checkpoint beside its place
    (tmp_path / "c").rename(tmp_path / "c.before")
    assert pieces.find(tmp_path / "c") == tmp_path / "c.before"
    pieces.save(tensors, {"step": 4}, tmp_path / "c", limit=1024)
    assert pieces.load(pieces.find(tmp_path / "c"))[1] == {"step": 4}  # type: ignore[arg-type]
    next((tmp_path / "c").glob("piece-002*")).unlink()
    with pytest.raises(UserError, match="copy all of its pieces"):
        pieces.load(tmp_path / "c")


def test_the_rate_rises_stays_and_falls(config: PretrainingConfig) -> None:
    rates = [learning_rate(step, config) for step in range(config.steps)]
    assert rates[:5] == sorted(rates[:5]) and rates[5:50] == [5e-3] * 45
    assert rates[50:] == sorted(rates[50:], reverse=True) and 0 < rates[-1] < rates[0]
