"""Settings files: every one that ships is loaded, and every mistake is named."""

from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="needs the extra 'train'")

from bangfu.scripts.main import main
from bangfu.training import yaml_file
from bangfu.training.config import TrainingConfig
from bangfu.training.experiment_config import ExperimentConfig
from bangfu.training.pretraining_config import PretrainingConfig
from bangfu.training.probe_config import ProbeConfig
from bangfu.training.yaml_file import ConfigError

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
GOOD = "name: a\nencoder: e\noutput: o\ntrain: [{path: t.jsonl}]\ndev: {path: d.jsonl}\n"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_config_is_good(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parents[1])  # paths in settings are taken from there
    kinds = {"pretrain": "pretrain", "probe": "probe", "ablation": "experiment", "recipe": "experiment"}
    command = next((kind for name, kind in kinds.items() if path.name.startswith(name)), "train")
    assert main([command, str(path), "--check"]) == 0
    assert "good" in capsys.readouterr().out


def test_there_are_configs() -> None:
    sizes = {f"pretrain-{size}.yaml" for size in ("mini", "small", "base")}
    assert {"mini.yaml", "probe.yaml", *sizes} <= {path.name for path in CONFIGS}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("learning_rat: 3", "unknown key 'learning_rat'; did you mean 'learning_rate'?"),
        ("epochs: many", "epochs: expected int, found 'many'"),
        ("epochs: true", "epochs: expected int, found True"),
        ("epochs: 0", "epochs must be at least 1"),
        ("precision: fp8", "'fp8' is not one of 'auto', 'bf16', 'fp32'"),
        ("stride: 300", "stride 300 must lie between 1 and window 254"),
        ("train: [{path: t, labels: {PER: HUMAN}}]", "'HUMAN' is not one of our labels"),
        ("train: [{path: t, lables: {}}]", "train[0]: unknown key 'lables'; did you mean 'labels'?"),
        ("train: t.jsonl", "train: expected a list"),
        ("dev: {path: d, annotates: [ORG], labels: {ORG: ORG}}", "dev must annotate every label"),
        ("epochs: [", "not valid YAML"),
        ("epochs: 1\nepochs: 2", "the key 'epochs' stands twice"),
        ("name: 2024-13-45", "not valid YAML"),
        ("learning_rate: -1", "learning_rate must be above 0"),
        ("seed: -1", "seed -1 must lie between 0 and 2^32 - 1"),
        ("seeds: [1, 4294967296]", "seed 4294967296 must lie between 0 and 2^32 - 1"),
        ("epochs: " + "[" * 5000, "not valid YAML"),
        ("weight_decay: .nan", "weight_decay must lie between 0 and 1"),
        ("output: ''", "output must not be empty"),
        ("encoder: ' '", "encoder must not be empty"),
        ("dev: {path: ''}", "dev: path must not be empty"),
        ("train: [{path: t, labels: {LOC: LOC}}]", "annotates AID, AMOUNT, ORG, but no label of the file"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "a.yaml"
    key = line.partition(":")[0]
    path.write_text("\n".join([*(one for one in GOOD.splitlines() if not one.startswith(f"{key}:")), line]))
    with pytest.raises(ConfigError) as caught:
        yaml_file.read(path, TrainingConfig)
    assert words in str(caught.value) and str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a", encoding="utf-8")
    with pytest.raises(ConfigError, match="the key 'encoder' is missing"):
        yaml_file.read(path, TrainingConfig)


PRETRAIN = "sources: [{path: t.txt}]\nencoder: e\noutput: o\nsteps: 5000\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("encoder: ''", "give either encoder, to go on from one, or architecture"),
        ("architecture: {layers: 2, hidden_size: 64, heads: 2}", "give either encoder"),
        ("sources: [{path: t, form: taged}]", "'taged' is not one of 'plain', 'tagged', 'labelled'"),
        ("sources: [{path: t, form: labelled}]", "give labels"),
        ("sources: [{path: t, form: labelled, labels: {A: HUMAN}}]", "'HUMAN' is not one of LOC, ORG, PER"),
        ("lengths: [128, 100]", "must be multiples of each of lengths"),
        ("steps: 100", "lower one of them"),
        ("seed: -1", "seed -1 must lie between"),
        ("learning_rate: 1e999", "learning_rate inf must be above 0 and finite"),
        ("clip: 0", "clip 0.0 must be above 0 and finite"),
    ],
)
def test_a_mistake_in_pretraining_is_one_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "a.yaml"
    key = line.partition(":")[0]
    path.write_text("\n".join([*(one for one in PRETRAIN.splitlines() if not one.startswith(f"{key}:")), line]))
    with pytest.raises(ConfigError) as caught:
        yaml_file.read(path, PretrainingConfig)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": [-1]}, "seed -1 must lie between"),
        ({"seeds": [1, 1]}, "seed 1 is there twice"),
        ({"output": ""}, "output must not be empty"),
        ({"dropout": 5}, "dropout 5.0 must lie between 0 and 1"),
        ({"learning_rate": "1e999"}, "learning_rate inf must be above 0 and finite"),
    ],
)
def test_a_mistake_in_a_probe_is_one_line(changes: dict[str, object], words: str) -> None:
    good = {"encoder": "e", "train": "t", "test": "t", "output": "o"}
    assert yaml_file.build(good, ProbeConfig, "a.yaml")
    with pytest.raises(ConfigError, match=rf"^a\.yaml: {words}"):
        yaml_file.build(good | changes, ProbeConfig, "a.yaml")


@pytest.mark.parametrize(
    ("changes", "words"), [({"seeds": [1, 1]}, "seed"), ({"seeds": [-1]}, "seed"), ({"output": ""}, "output must not")]
)
def test_a_mistake_in_an_experiment_is_one_line(changes: dict[str, object], words: str) -> None:
    values = {"name": "n", "base": "b", "output": "o", "variants": [{"name": "v"}]}
    with pytest.raises(ConfigError, match=rf"^a\.yaml: {words}"):
        yaml_file.build(values | changes, ExperimentConfig, "a.yaml")


def test_yaml_may_merge_mappings(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    train = (
        "train: [&first {path: t.jsonl, repeat: 2}, &second {<<: *first, path: u.jsonl}, {<<: *second, path: v.jsonl}]"
    )
    path.write_text(GOOD.replace("train: [{path: t.jsonl}]", train), encoding="utf-8")
    parts = yaml_file.read(path, TrainingConfig).train
    assert [(part.path, part.repeat) for part in parts] == [("t.jsonl", 2), ("u.jsonl", 2), ("v.jsonl", 2)]


def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: !!python/object/apply:os.system ['true']", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid YAML"):
        yaml_file.read(path, TrainingConfig)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    for kind, path in ((TrainingConfig, "mini.yaml"), (PretrainingConfig, "pretrain-mini.yaml")):
        config = yaml_file.read(CONFIGS[0].parent / path, kind)
        yaml_file.write(tmp_path / path, config)
        assert yaml_file.read(tmp_path / path, kind) == config
