"""Training for real, of a very small encoder: it learns, is saved whole, and resumes as if never stopped."""

import dataclasses
import json
import random
import re
import shutil
from importlib import metadata
from importlib.metadata import PackageNotFoundError
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from unittest.mock import Mock

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import onnxruntime
from models import tiny_encoder
from safetensors.torch import load_file
from torch._subclasses import FakeTensorMode
from transformers import AutoTokenizer, TrainingArguments

from bangfu.inference import Extractor
from bangfu.inference.encoder import Encoder
from bangfu.inference.model_folder import SETTINGS, ModelFolder
from bangfu.inference.torch_backend import TorchBackend
from bangfu.labels import LABEL_NAMES, Document, Span, jsonl, read
from bangfu.labels.user_error import UserError
from bangfu.training import evaluation, finetuning, yaml_file
from bangfu.training.augmentation_config import AugmentationConfig
from bangfu.training.config import DatasetConfig, TrainingConfig
from bangfu.training.cross_check import cross_check
from bangfu.training.distillation_config import DistillationConfig
from bangfu.training.experiment import experiment, table
from bangfu.training.experiment_config import ExperimentConfig, VariantConfig
from bangfu.training.finetuning import ResumeError, packed, train
from bangfu.training.learning_curve import learning_curve, part
from bangfu.training.model_card import CARD_FILE
from bangfu.training.training_set import TrainingSet
from bangfu.training.variants import varied
from bangfu.training.weight_average import WeightAverage
from bangfu.training.yaml_file import ConfigError


def sentences(count: int, seed: int) -> list[Document]:
    """Sentences of a giver, a place and an amount, from a handful of words."""
    draw, result = random.Random(seed), []
    for number in range(count):
        text, spans = "", list[Span]()
        for label, words in (
            ("ORG", ("江苏省慈善总会", "西海县民政局")),
            ("", ("向",)),
            ("LOC", ("南山县", "河东市", "安北省")),
            ("", ("捐了", "捐赠")),
            ("AMOUNT", ("五百元", "三万元", "12万元")),
        ):
            word = draw.choice(words)
            if label:
                spans.append(Span(len(text), len(text) + len(word), label))
            text += word
        result.append(Document(str(number), text, tuple(spans)))
    return result


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    jsonl.write(sentences(200, 1), tmp_path / "train.jsonl")
    jsonl.write(sentences(20, 2), tmp_path / "dev.jsonl")
    return TrainingConfig(
        name="tiny",
        encoder=str(tiny_encoder(tmp_path / "encoder")),
        train=(DatasetConfig(str(tmp_path / "train.jsonl")),),
        dev=DatasetConfig(str(tmp_path / "dev.jsonl")),
        output=str(tmp_path / "run"),
        window=60,
        stride=40,
        epochs=4,
        learning_rate=5e-3,
        head_learning_rate=1e-2,
        precision="fp32",
    )


def test_train_learns_and_saves_a_whole_model(config: TrainingConfig, capsys: pytest.CaptureFixture[str]) -> None:
    folder = train(config)
    assert "200 documents, 200 windows, 600 spans, 0 dropped" in capsys.readouterr().out
    extractor = Extractor.load(folder.path)
    entities = extractor("西海县民政局向南山县捐赠三万元")
    assert [(entity.text, entity.label) for entity in entities] == [
        ("西海县民政局", "ORG"),
        ("南山县", "LOC"),
        ("三万元", "AMOUNT"),
    ]
    run = json.loads((folder.path / "run.json").read_text(encoding="utf-8"))
    assert run["dev"]["scores"]["micro"]["f1"] > 0.95 and run["versions"]["torch"] == torch.__version__
    assert yaml_file.read(folder.path / "training.yaml", TrainingConfig) == config
    assert f"| dev split, `{config.dev.path}` | 20 |" in (folder.path / "README.md").read_text(encoding="utf-8")
    assert not [path for path in folder.path.iterdir() if path.suffix in {".bin", ".pt", ".pkl"}]
    assert json.loads((folder.path / SETTINGS).read_text(encoding="utf-8"))["window"] == 60
    assert ModelFolder.load(folder.path).settings.calibration and 0.5 < entities[0].score < 1


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_stopped_run_goes_on_to_the_same_result(
    config: TrainingConfig, average: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # augmented, so that the epoch that is taken up again has to draw the variants it would have had
    (part,) = config.train
    augmented = dataclasses.replace(part, augmentation=AugmentationConfig(amounts=0.5, line_breaks=0.5, furniture=0.5))
    config = dataclasses.replace(config, train=(augmented,), average=average)
    whole = train(config)
    stopped = dataclasses.replace(config, output=str(tmp_path / "stopped"))
    evaluate, calls = finetuning._Trainer.evaluate, []

    def killed(self, *arguments, **others):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt  # in the third epoch, after the second one's checkpoint
        return evaluate(self, *arguments, **others)

    monkeypatch.setattr(finetuning._Trainer, "evaluate", killed)
    with pytest.raises(KeyboardInterrupt):
        train(stopped)
    monkeypatch.undo()
    said: list[str] = []
    again = train(stopped, said.append)
    assert any("going on from" in line for line in said)
    ours, theirs = (load_file(folder.path / "model.safetensors") for folder in (whole, again))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    # the same once more trains nothing; other settings or data are refused
    (tmp_path / "stopped" / "checkpoints" / "checkpoint-99").mkdir()
    train(stopped, said.append)
    assert sum("going on from" in line for line in said) == 1
    with pytest.raises(ResumeError, match="other settings"):
        train(dataclasses.replace(stopped, seed=3))
    weights = Path(config.encoder) / "model.safetensors"
    before = weights.read_bytes()
    weights.write_bytes(before[:-4] + b"\0\0\1\0")
    with pytest.raises(ResumeError, match=r"model.safetensors has changed"):
        train(stopped)
    weights.write_bytes(before)
    jsonl.write(sentences(201, 3), tmp_path / "train.jsonl")
    with pytest.raises(ResumeError, match=r"train.jsonl has changed"):
        train(stopped)


def test_what_would_be_lost_or_vain_is_refused_before_the_first_step(config: TrainingConfig, tmp_path: Path) -> None:
    own = tmp_path / "own" / "model"
    shutil.copytree(config.encoder, own)
    for seeds in ((), (1, 2)):
        with pytest.raises(ResumeError, match="not the settings and data of its run"):  # would replace the encoder
            train(dataclasses.replace(config, encoder=str(own), output=str(own.parent), seeds=seeds))
        assert [file.name for file in own.parent.iterdir()] == ["model"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="a file; name a folder"):
        train(dataclasses.replace(config, output=str(tmp_path / "file")))
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ConfigError, match=r"empty.jsonl: holds no documents"):
        train(dataclasses.replace(config, dev=dataclasses.replace(config.dev, path=str(tmp_path / "empty.jsonl"))))


def test_each_epoch_sees_other_variants_in_as_many_rows(config: TrainingConfig) -> None:
    (part,) = config.train
    augmented = dataclasses.replace(part, repeat=2, augmentation=AugmentationConfig(amounts=1.0, furniture=1.0))
    both = dataclasses.replace(config, train=(part, augmented))
    encoder = Encoder(AutoTokenizer.from_pretrained(config.encoder).backend_tokenizer)
    rows, again = (TrainingSet(both, encoder, list[str]().append) for _ in range(2))
    epochs = []
    for epoch in range(2):
        rows.set_epoch(epoch)
        epochs.append([rows[index]["input_ids"] for index in range(len(rows))])
    assert [len(epoch) for epoch in epochs] == [600, 600] and epochs[0] != epochs[1]
    # rows of like length keep their places, so that batches grouped by length stay so
    places = sorted(range(600), key=lambda index: len(epochs[0][index]))
    lengths = [len(epochs[1][index]) for index in places]
    assert lengths == sorted(lengths)
    again.set_epoch(1)
    assert [again[index]["input_ids"] for index in range(len(again))] == epochs[1]


def test_an_encoder_that_is_not_there_is_refused(config: TrainingConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        train(dataclasses.replace(config, encoder=str(tmp_path / "nowhere")))
    for name in ("tokenizer.json", "vocab.txt"):
        (Path(config.encoder) / name).unlink()
    with pytest.raises(ConfigError, match="copy the whole folder"):
        train(config)
    assert not Path(config.output).exists()


def test_a_half_written_checkpoint_is_passed_over(config: TrainingConfig) -> None:
    halves = [Path(config.output) / "checkpoints" / f"checkpoint-{number}" for number in (7, 8)]
    for half in halves:
        half.mkdir(parents=True)
    (halves[1] / "trainer_state.json").write_text('{"epoch": ', encoding="utf-8")
    train(config)
    assert not any(half.exists() for half in halves)


def test_cross_check_reads_every_document_and_finds_a_wrong_mark(config: TrainingConfig, tmp_path: Path) -> None:
    documents = sentences(120, 5)
    # one place is marked as a body
    wrong = documents[7]
    spans = tuple(dataclasses.replace(span, label="ORG") if span.label == "LOC" else span for span in wrong.spans)
    documents[7] = Document(wrong.id, wrong.text, spans)
    jsonl.write(documents, tmp_path / "train.jsonl")
    settings = dataclasses.replace(config, epochs=6)
    compared = cross_check(settings, 2)
    assert sorted(int(one.document.id) for one in compared) == list(range(120))
    errors = {one.document.id: [error.kind for error in one.errors] for one in compared if one.errors}
    assert errors["7"] == ["type"] and len(errors) < 10
    for name in ("disagreements.html", "metrics.json", "found.jsonl"):
        assert (tmp_path / "run" / name).exists()
    with pytest.raises(UserError, match="cannot be cut into 1 folds"):
        cross_check(config, 1)
    # again: the fold that came to its end is kept as it is, the other one is ended
    kept, stopped = (tmp_path / "run" / f"fold-{fold}" / "run" / "model" for fold in (0, 1))
    (stopped / CARD_FILE).unlink()
    times = {file: file.stat().st_mtime_ns for file in kept.iterdir()}
    said: list[str] = []
    again = cross_check(settings, 2, said.append)
    assert "tiny-0: kept" in said and "tiny-1: kept" not in said and (stopped / CARD_FILE).exists()
    assert {file: file.stat().st_mtime_ns for file in kept.iterdir()} == times
    assert [one.found for one in again] == [one.found for one in compared]
    with pytest.raises(ResumeError, match="holds a run of other settings"):
        cross_check(dataclasses.replace(settings, seed=settings.seed + 1), 2)


def test_a_data_set_of_some_labels_is_cut(config: TrainingConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    places = DatasetConfig(config.train[0].path, {"ORG": None, "LOC": "LOC", "AMOUNT": None}, ("LOC",))
    trained: list[TrainingConfig] = []

    def stopped(settings: TrainingConfig, *_: object) -> None:
        trained.append(settings)
        raise KeyboardInterrupt

    for name in ("learning_curve", "cross_check"):
        monkeypatch.setattr(f"bangfu.training.{name}.train", stopped)
    partly = dataclasses.replace(config, train=(places,))
    for run in (lambda: learning_curve(partly, [0.5], [1]), lambda: cross_check(partly, 2)):
        with pytest.raises(KeyboardInterrupt):
            run()
    assert [(one.train[0].annotates, one.train[0].labels) for one in trained] == [(("LOC",), {"LOC": "LOC"})] * 2


def test_a_larger_share_holds_the_smaller_ones() -> None:
    documents = sentences(40, 6)
    parts = [{one.id for one in part(documents, share, 3)} for share in (0.01, 0.25, 0.5, 1)]
    assert [len(one) for one in parts] == [1, 10, 20, 40]
    assert all(small < large for small, large in pairwise(parts))
    assert parts[1] != {one.id for one in part(documents, 0.25, 4)}


def test_nothing_can_be_shared_out_of_an_empty_file(config: TrainingConfig) -> None:
    file = Path(config.train[0].path)
    file.write_bytes(b"")
    with pytest.raises(UserError, match="holds no documents to take shares of"):
        learning_curve(config, [0.5], [1])


def test_a_table_holds_what_a_person_wrote() -> None:
    f1 = {label: {"mean": 0.5, "deviation": None} for label in (*LABEL_NAMES, "micro")}
    made = table([{"name": "a|b", "seeds": [1], "hours": 1, "verdict": "kept |\n perhaps\n", "f1": {"dev": f1}}])
    assert made.count("\n") == 3 and made.endswith(" | kept \\| perhaps |\n") and "| a\\|b | 1 |" in made


def test_a_learning_curve_keeps_its_points(config: TrainingConfig, tmp_path: Path) -> None:
    config, said = dataclasses.replace(config, epochs=2), list[str]()
    points = learning_curve(config, [0.5, 0.01], [1], said.append)
    assert [(point["documents"], point["seed"]) for point in points] == [(2, 1), (100, 1)]
    assert all(point["f1"]["micro"] > 0.9 for point in points)  # two such sentences say it all
    taught = [read(tmp_path / "run" / name / "train.jsonl") for name in ("0.01-1", "0.5-1")]
    assert [len(some) for some in taught] == [2, 100] and all(one in taught[1] for one in taught[0])
    # few documents are seen the more often, so that the steps are as many
    assert any("2 documents" in line and "seen 100 times an epoch" in line for line in said)
    again = learning_curve(config, [0.01, 0.5], [1], said.append)
    assert again == points and sum(line.endswith("kept") for line in said) == 2
    written = json.loads((tmp_path / "run" / "learning_curve.json").read_text(encoding="utf-8"))
    assert written["points"] == points and (tmp_path / "run" / "learning_curve.png").stat().st_size > 1000
    with pytest.raises(ResumeError, match="other settings"):
        learning_curve(dataclasses.replace(config, dropout=0.2), [0.01], [1], said.append)
    with pytest.raises(UserError, match="must lie above 0"):
        learning_curve(config, [0.0], [1], said.append)
    with pytest.raises(UserError, match="seed -1 must lie between"):
        learning_curve(config, [0.01], [-1], said.append)


def test_an_experiment_compares_variants(config: TrainingConfig, tmp_path: Path) -> None:
    # seeds of the base, of which a mean would be made, give way to those of the experiment
    yaml_file.write(tmp_path / "base.yaml", dataclasses.replace(config, seeds=(3, 4)))
    whole = ExperimentConfig(
        name="rates",
        base=str(tmp_path / "base.yaml"),
        output=str(tmp_path / "rates"),
        changes={"epochs": 2},
        variants=(
            VariantConfig("as it is"),
            VariantConfig("no head", {"head_learning_rate": 1e-9, "learning_rate": 1e-9}, "dropped"),
        ),
        seeds=(1, 2),
        noises=(("furniture", "line_breaks"),),
    )
    said = list[str]()
    experiment(dataclasses.replace(whole, seeds=(1,)), ["as it is"], said.append)
    good, bad = experiment(whole, say=said.append)
    assert sum(line.endswith("kept") for line in said) == 1 and good["seeds"] == bad["seeds"] == [1, 2]
    values = good["f1"]["dev"]["micro"]["values"]
    assert not list((tmp_path / "rates").rglob("seed-*"))
    assert len(values) == 2 and good["f1"]["dev"]["micro"]["mean"] == sum(values) / 2 > 0.9
    noisy = good["f1"]["furniture, line_breaks"]["micro"]["mean"]
    assert bad["f1"]["dev"]["micro"]["mean"] < noisy < good["f1"]["dev"]["micro"]["mean"]
    lines = (tmp_path / "rates" / "experiment.md").read_text(encoding="utf-8").splitlines()
    assert lines[2].startswith(f"| as it is | 2 | {50 * sum(values):.2f} ± ") and lines[3].endswith("| dropped |")
    assert len({line.count("|") for line in lines}) == 1
    changed = dataclasses.replace(whole, variants=(VariantConfig("as it is", {"train.0.repeat": 2}),))
    with pytest.raises(ResumeError, match="other settings"):
        experiment(changed, say=said.append)
    # nor may rows of other settings stand beside new ones
    changed = dataclasses.replace(whole, variants=(*whole.variants, VariantConfig("new")), changes={"epochs": 1})
    with pytest.raises(ResumeError, match="other settings"):
        experiment(changed, ["new"], said.append)
    away = dataclasses.replace(whole, variants=(VariantConfig("away", {"encoder": "./nowhere"}),))
    with pytest.raises(ConfigError, match="no such folder"):
        experiment(away, say=said.append)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropuot": 0.1}, "unknown key 'dropuot'; did you mean 'dropout'"),
        ({"train.1.repeat": 2}, "leads nowhere at '1'"),
        ({"train.-1.repeat": 2}, "leads nowhere at '-1'"),
        ({"train.0.augmentation.names": 0.5}, "nothing is set there"),
        ({"train.0": 3}, "names no key"),
    ],
)
def test_a_variant_that_cannot_be(config: TrainingConfig, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        varied(config, VariantConfig("a", changes), "base.yaml")


def test_layers_learn_at_rates_of_their_own(config: TrainingConfig) -> None:
    _, model = finetuning._load(config)
    trainer = finetuning._Trainer(dataclasses.replace(config, layer_decay=0.5), None, [], model=model)  # type: ignore[arg-type]
    rates: dict[str, set[float]] = {}
    names = {id(value): name for name, value in model.named_parameters()}
    for group in trainer.create_optimizer().param_groups:
        for value in group["params"]:
            name = names.pop(id(value))
            part = re.search(r"embeddings|layer\.\d|classifier", name)
            rates.setdefault(part[0] if part else name, set()).add(group["lr"])
    layers = model.config.num_hidden_layers
    expected = {f"layer.{n}": {5e-3 * 0.5 ** (layers - 1 - n)} for n in range(layers)}
    assert rates == expected | {"embeddings": {5e-3 * 0.5**layers}, "classifier": {1e-2}} and not names


def test_the_average_of_the_weights_is_measured_and_kept(
    config: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    measured: list[dict[str, torch.Tensor]] = []
    step, measure = WeightAverage.on_step_end, evaluation.measure

    def watched(self, args, state, control, **others):  # type: ignore[no-untyped-def]
        seen.append({name: value.detach().clone() for name, value in self.model.named_parameters()})
        step(self, args, state, control, **others)

    def looked_at(extractor, documents, **others):  # type: ignore[no-untyped-def]
        if isinstance(extractor.backend, TorchBackend):
            measured.append({name: value.clone() for name, value in extractor.backend.model.state_dict().items()})
        return measure(extractor, documents, **others)

    monkeypatch.setattr(WeightAverage, "on_step_end", watched)
    monkeypatch.setattr(evaluation, "measure", looked_at)
    _, model = finetuning._load(config)
    expected = {name: value.detach().double() for name, value in model.named_parameters()}
    folder = train(dataclasses.replace(config, average=0.9, keep="last", epochs=2))
    for number, weights in enumerate(seen, 1):
        share = min(0.9, (1 + number) / (10 + number))
        expected = {name: share * value + (1 - share) * weights[name] for name, value in expected.items()}
    saved = load_file(folder.path / "model.safetensors")
    for name, value in expected.items():
        if not name.startswith("classifier."):  # the head is drawn anew in each load
            assert torch.allclose(measured[1][name].double(), value, atol=1e-6), name
            assert torch.allclose(saved[name].double(), value, atol=2e-3), name
    assert len(measured) == 2 and not torch.equal(seen[-1]["classifier.bias"], measured[1]["classifier.bias"])


def test_packed_words_are_the_nearest_of_nine_bits() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(1)).to(torch.float16)
    found = packed(values)
    assert not (found.view(torch.int16) & 1).any()
    assert ((found.float() - values.float()).abs() <= 2.0**-10 * values.float().abs()).all()


def test_a_soup_is_the_mean_of_its_runs(config: TrainingConfig, tmp_path: Path) -> None:
    first = train(dataclasses.replace(config, epochs=1))
    # from a head that is there, as runs from heads drawn anew end too far from each other
    config = dataclasses.replace(config, encoder=str(first.path), output=str(tmp_path / "soup"), epochs=1, seeds=(3, 4))
    said: list[str] = []
    folder = train(config, said.append)
    parts = [load_file(tmp_path / "soup" / f"seed-{seed}" / "model" / "model.safetensors") for seed in (3, 4)]
    for name, value in load_file(folder.path / "model.safetensors").items():
        mean = (parts[0][name].double() + parts[1][name].double()) / 2
        assert torch.allclose(value.double(), mean, atol=1e-3), name
    assert not torch.equal(parts[0]["classifier.bias"], parts[1]["classifier.bias"])
    assert Extractor.load(folder.path)("西海县民政局向南山县捐赠三万元")[0].text == "西海县民政局"
    assert "mean of the weights of 2 runs" in (folder.path / CARD_FILE).read_text(encoding="utf-8")
    # what is there is kept
    said.clear()
    train(config, said.append)
    assert not any("train_loss" in line for line in said) and not (tmp_path / "soup" / "checkpoints").exists()
    with pytest.raises(ConfigError, match="must be several, each once"):
        varied(config, VariantConfig("a", {"seeds": [3, 3]}), "base.yaml")


def test_a_soup_is_of_models_wherever_they_lie() -> None:
    # a model that a GPU has trained, and weights that were read from a file
    with FakeTensorMode():
        trained, read = {"a": torch.empty(2, device="cuda")}, {"a": torch.empty(2)}
        mean = finetuning.soup([trained, read])
        assert mean["a"].device.type == "cpu" and mean["a"].shape == (2,)


def test_a_process_takes_one_gpu(config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Several(TrainingArguments):  # type: ignore[misc]
        def __post_init__(self) -> None:
            super().__post_init__()
            self._n_gpu = 4

    monkeypatch.setattr(finetuning, "TrainingArguments", Several)
    monkeypatch.setattr(finetuning, "_Trainer", lambda *_, **given: given["args"])
    arguments: Any = finetuning._trainer(config, None, Mock(), [], range(64), tmp_path)  # type: ignore[arg-type]
    assert arguments.n_gpu == 1 and arguments.train_batch_size == config.batch_size


def test_versions_are_told_where_onnxruntime_is_the_one_for_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "onnxruntime":
            raise PackageNotFoundError(name)
        return metadata.version(name)

    monkeypatch.setattr(finetuning, "version", version)
    assert finetuning.versions()["onnxruntime"] == onnxruntime.__version__


def test_a_model_is_distilled_from_others_on_text_without_marks(config: TrainingConfig, tmp_path: Path) -> None:
    teacher = str(train(config).path)
    jsonl.write([Document(one.id, one.text) for one in sentences(200, 3)], tmp_path / "text.jsonl")
    student = dataclasses.replace(
        config,
        train=(DatasetConfig(str(tmp_path / "text.jsonl"), labels={}, annotates=()),),
        distillation=DistillationConfig((teacher,)),
        output=str(tmp_path / "student"),
    )
    folder = train(student)
    run = json.loads((folder.path / "run.json").read_text(encoding="utf-8"))
    assert run["dev"]["scores"]["micro"]["f1"] > 0.95
    assert f"the tags that {teacher} gave" in (folder.path / CARD_FILE).read_text(encoding="utf-8")
    assert f"{teacher}/model.safetensors" in json.loads((tmp_path / "student" / "data.json").read_text())
    for wrong, message in ((tmp_path / "none", "no such folder"), (config.encoder, "does not give our tags")):
        refused = dataclasses.replace(
            student, distillation=DistillationConfig((str(wrong),)), output=str(tmp_path / "r")
        )
        with pytest.raises(ConfigError, match=message):
            train(refused)
        assert not (tmp_path / "r").exists()  # a slip of the pen claims no folder
    for run in (lambda: cross_check(student, 2), lambda: learning_curve(student, [0.5], [1])):
        with pytest.raises(ConfigError, match="teachers may know"):
            run()


def test_a_model_learns_whole_sequences(config: TrainingConfig) -> None:
    folder = train(dataclasses.replace(config, loss="sequences"))
    run = json.loads((folder.path / "run.json").read_text(encoding="utf-8"))
    assert run["dev"]["scores"]["micro"]["f1"] > 0.95


def _falling(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have each epoch measured as worse than the one before; gives what was said of them."""
    said: list[float] = []

    def worse(self, *_, **__):  # type: ignore[no-untyped-def]
        said.append(0.9 - 0.1 * len(said))
        metrics = {"eval_micro": said[-1]}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    monkeypatch.setattr(finetuning._Trainer, "evaluate", worse)
    return said


@pytest.mark.parametrize("keep", ["best", "both"])
def test_of_averaged_weights_the_best_epochs_are_kept(
    config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: Literal["best", "both"]
) -> None:
    said = _falling(monkeypatch)
    folder = train(dataclasses.replace(config, average=0.9, epochs=3, keep=keep))
    assert len(said) == 3
    files = sorted((tmp_path / "run" / "checkpoints").iterdir(), key=lambda path: int(path.name.rpartition("-")[2]))
    first, last = files[0], load_file(files[-1] / "average.safetensors")
    best, saved = load_file(first / "average.safetensors"), load_file(folder.path / "model.safetensors")
    if keep == "both":
        assert not torch.allclose(best["classifier.weight"], last["classifier.weight"], atol=2e-3)
        best = {name: (value + last[name]) / 2 for name, value in best.items()}
        assert "the last of 3 epochs and of that" in (folder.path / CARD_FILE).read_text(encoding="utf-8")
    assert all(torch.allclose(saved[name].float(), best[name], atol=2e-3) for name in best)
    own = load_file(first / "model.safetensors")
    assert not torch.allclose(own["classifier.weight"], best["classifier.weight"], atol=2e-3)


def test_a_run_that_had_ended_is_not_trained_further(config: TrainingConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    said = _falling(monkeypatch)
    config = dataclasses.replace(config, patience=1, epochs=4)
    save = finetuning._save

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(finetuning, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    Path(config.output, "history.json").unlink(missing_ok=True)
    assert len(said) == 2
    monkeypatch.setattr(finetuning, "_save", save)
    folder = train(config)
    assert len(said) == 2  # no epoch more
    first = min((Path(config.output) / "checkpoints").iterdir(), key=lambda path: int(path.name.rpartition("-")[2]))
    best, saved = (load_file(path / "model.safetensors") for path in (first, folder.path))
    assert all(torch.allclose(saved[name].float(), best[name], atol=2e-3) for name in best)
