"""The probe: it learns a public set's own labels, and counts what it cannot tell."""

import dataclasses
import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from models import tiny_encoder
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from transformers import AutoModelForTokenClassification, AutoTokenizer

from bangfu.inference.encoder import Encoder
from bangfu.inference.windows import windows
from bangfu.labels.defect import LabelledDataError
from bangfu.training import bf16
from bangfu.training.evaluation import Score
from bangfu.training.probe import Probe, batches, read, summary
from bangfu.training.probe_config import ProbeConfig
from bangfu.training.yaml_file import ConfigError

PEOPLE, PLACES = "甲乙丙丁", ("江苏", "海南", "宁安")


def _write(path: Path, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    lines = []
    for number in range(count):
        place, amount = random.choice(PLACES), random.choice(list("一二三四五六"))
        text = f"{place}省向{random.choice(PLACES)}捐赠{amount}百万元"
        spans = [{"start": 0, "end": 3, "label": "LOC"}, {"start": len(text) - 4, "end": len(text), "label": "SUM"}]
        lines.append(json.dumps({"id": number, "text": text, "spans": spans}))
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def config(tmp_path: Path) -> ProbeConfig:
    _write(tmp_path / "train.jsonl", 300, 1)
    _write(tmp_path / "test.jsonl", 40, 2)
    return ProbeConfig(
        encoder=str(tiny_encoder(tmp_path / "encoder")),
        train=str(tmp_path / "train.jsonl"),
        test=str(tmp_path / "test.jsonl"),
        output=str(tmp_path / "probe"),
        labels=("LOC", "SUM"),
        window=30,
        stride=20,
        batch_tokens=160,
        learning_rate=3e-3,
        dropout=0.0,
        bf16=False,
        seeds=(1, 2),
    )


@pytest.mark.parametrize("loss", ["tokens", "sequences"])
def test_a_probe_learns_the_labels_of_the_set(config: ProbeConfig, loss: Literal["tokens", "sequences"]) -> None:
    said: list[str] = []
    result = Probe(dataclasses.replace(config, loss=loss), said.append).run()
    assert result["mean"] > 95 and len(result["runs"]) == 2 and "over 2 seeds, on test.jsonl" in said[-1]
    assert json.loads((Path(config.output) / "probe.json").read_text(encoding="utf-8")) == result


def test_an_encoder_with_a_head_of_other_labels_gets_a_new_one(config: ProbeConfig, tmp_path: Path) -> None:
    headed = str(tmp_path / "headed")
    Probe(dataclasses.replace(config, epochs=1)).train(1).save_pretrained(headed)
    AutoTokenizer.from_pretrained(config.encoder).save_pretrained(headed)
    result = Probe(dataclasses.replace(config, encoder=headed, labels=("LOC",), seeds=(1,))).run()
    assert result["mean"] > 95
    # of as many labels, too
    still = dataclasses.replace(config, encoder=headed, epochs=1, learning_rate=1e-9, head_learning_rate=1e-9)
    before = AutoModelForTokenClassification.from_pretrained(headed).classifier
    head = Probe(still).train(1).classifier
    assert before.bias.abs().max() > 1e-3 > head.bias.abs().max() and not torch.equal(before.weight, head.weight)
    config_file = Path(headed) / "config.json"
    sizes = json.loads(config_file.read_text(encoding="utf-8"))
    config_file.write_text(json.dumps(sizes | {"max_position_embeddings": 40}), encoding="utf-8")
    with pytest.raises(ConfigError, match="position_embeddings"):
        Probe(dataclasses.replace(config, encoder=headed)).train(1)


def test_another_set_comes_first_without_what_the_test_set_has(config: ProbeConfig, tmp_path: Path) -> None:
    _write(tmp_path / "first.jsonl", 300, 3)
    texts = (tmp_path / "test.jsonl").read_text(encoding="utf-8")
    with (tmp_path / "first.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n" + texts)
    said: list[str] = []
    # what is learnt first has to tell, so the set itself teaches next to nothing
    config = dataclasses.replace(
        config,
        first=str(tmp_path / "first.jsonl"),
        first_epochs=3,
        epochs=1,
        learning_rate=1e-3,
        average=0.9,
        seeds=(1,),
    )
    _write(tmp_path / "train.jsonl", 8, 1)
    probe = Probe(config, said.append)
    known = {json.loads(line)["text"] for line in texts.splitlines()}
    assert len(probe.first_set) == sum(
        json.loads(line)["text"] not in known for line in (tmp_path / "first.jsonl").open(encoding="utf-8")
    )
    assert 0 < len(probe.first_set) < 340 and f"{340 - len(probe.first_set)} left out" in said[0]
    assert probe.run()["mean"] > 90
    assert Probe(dataclasses.replace(config, first=""), said.append).run()["mean"] < 50


def test_its_score_is_that_of_seqeval(config: ProbeConfig) -> None:
    probe = Probe(config, list[str]().append)
    model = probe.train(1)
    found: list[list[str]] = []
    measure = probe.measure(model)
    from bangfu.inference.decoding import decode

    for sentence in probe.test_set:
        ids, mask = probe._tensors([sentence], [(0, windows(len(sentence.ids), 30, 20)[0])])
        logits = model(input_ids=ids, attention_mask=mask).logits[0, 1:-1].detach().numpy()
        tags = ["O"] * len(sentence.ids)
        for span in decode(logits, config.labels):
            tags[span.start : span.stop] = [f"B-{span.label}", *[f"I-{span.label}"] * (span.stop - span.start - 1)]
        found.append(tags)
    names = ("O", "B-LOC", "I-LOC", "B-SUM", "I-SUM")
    gold = [[names[tag] for tag in sentence.tags] for sentence in probe.test_set]
    micro = sum(measure.values(), Score(0, 0, 0)).f1
    assert micro == pytest.approx(f1_score(gold, found, mode="strict", scheme=IOB2))


def test_a_span_inside_a_token_counts_as_missed(tmp_path: Path) -> None:
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_encoder(tmp_path / "e", ("sk",))).backend_tokenizer)
    line = {"text": "捐sk省", "spans": [{"start": 1, "end": 2, "label": "ORG"}, {"start": 3, "end": 4, "label": "LOC"}]}
    (tmp_path / "a.jsonl").write_text(json.dumps(line), encoding="utf-8")
    (sentence,) = read(tmp_path / "a.jsonl", encoder, ("LOC", "ORG"))
    assert sentence.spans == ((-1, -1, "ORG"), (2, 3, "LOC")) and sentence.tags.tolist() == [0, 0, 1]


def test_batches_hold_every_window_once_within_the_budget() -> None:
    random = np.random.default_rng(3)
    jobs = [(n, one) for n, size in enumerate(random.integers(1, 90, 200)) for one in windows(int(size), 40, 30)]
    for made in (batches(jobs, 200), batches(jobs, 200, random)):
        assert sorted((n, one.start) for batch in made for n, one in batch) == sorted((n, one.start) for n, one in jobs)
        assert all(len(batch) * max(len(one) + 2 for _, one in batch) <= 200 for batch in made)


def test_bad_data_is_one_line(config: ProbeConfig, tmp_path: Path) -> None:
    endless = '{"text": "a", "spans": [{"start": 0, "end": 1e999, "label": "LOC"}]}'
    for line in ('{"text": 3, "spans": []}', endless, '{"text": "a"}', "[1]"):
        (tmp_path / "train.jsonl").write_text(f"\n{line}", encoding="utf-8")
        with pytest.raises(LabelledDataError, match=r"train\.jsonl:2: not a labelled document"):
            Probe(config, list[str]().append)


def test_an_encoder_that_cannot_be_loaded_is_one_line(config: ProbeConfig) -> None:
    folder = Path(config.encoder)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:500])
    with pytest.raises(ConfigError, match="cannot be loaded: "):
        Probe(config, list[str]().append).train(1)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be loaded: Unrecognized model"):
        Probe(config, list[str]().append)


def test_bf16_is_computed_in_where_the_machine_has_it(config: ProbeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    for there in (True, False):
        monkeypatch.setattr(bf16, "there", lambda there=there: there)
        assert Probe(dataclasses.replace(config, bf16=True), lambda line: None).bf16 is there


def test_what_cannot_be_measured_is_refused(config: ProbeConfig, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    for changes, words in (
        ({"window": 5000, "batch_tokens": 9000}, "window 5000 .* exceed the encoder's 128 positions"),
        ({"train": str(tmp_path / "empty.jsonl")}, "no documents to train on"),
        ({"test": str(tmp_path / "empty.jsonl")}, "no documents to measure"),
        ({"dev_share": 1e-9}, r"no documents to measure \(dev_share 1e-09 of train\)"),
    ):
        with pytest.raises(ConfigError, match=words):
            Probe(dataclasses.replace(config, **changes), list[str]().append)


def test_spread_is_that_of_a_sample() -> None:
    assert summary([{"micro": 88.0}, {"micro": 90.0}]) == {"mean": 89.0, "spread": 1.41}


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ([[0, 3, "LOC"], [0, 3, "LOC"]], [(0, 3, "LOC")]),
        ([[0, 3, "LOC"], [1, 2, "SUM"]], [(0, 3, "LOC"), (1, 2, "SUM")]),
        ([[2, 9, "LOC"]], None),
        ([[-2, 2, "LOC"]], None),
    ],
)
def test_marks_that_overlap_count_and_those_outside_the_text_are_a_defect(
    config: ProbeConfig, tmp_path: Path, spans: list[tuple[int, int, str]], found: list[tuple[int, int, str]] | None
) -> None:
    marks = [{"start": start, "end": end, "label": label} for start, end, label in spans]
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "江苏省向", "spans": marks}), encoding="utf-8")
    encoder = Encoder(AutoTokenizer.from_pretrained(config.encoder).backend_tokenizer)
    if found is None:
        with pytest.raises(LabelledDataError, match="in a text of 4 characters"):
            read(tmp_path / "a.jsonl", encoder, config.labels)
    else:
        (sentence,) = read(tmp_path / "a.jsonl", encoder, config.labels)
        assert list(sentence.spans) == found and sentence.tags.tolist() == [1, 2, 2, 0]
