"""Fine-tuning of a token classifier on labelled data, by transformers' Trainer."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import onnxruntime
import torch
from accelerate import PartialState
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    AutoTokenizer,
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_utils import get_last_checkpoint

from bangfu.inference.encoder import Encoder
from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import TOKENIZER, WEIGHTS, ModelFolder, ModelSettings, write_settings
from bangfu.inference.torch_backend import TorchBackend
from bangfu.labels.atomic_file import check_folder, write_json
from bangfu.labels.document import Document
from bangfu.labels.schema import TAGS
from bangfu.labels.user_error import UserError
from bangfu.training import (
    bf16,
    calibration,
    dataset,
    evaluation,
    export,
    gazetteer,
    int8_graph,
    known_names,
    model_card,
    reliability,
    run_file,
    yaml_file,
)
from bangfu.training.alignment import Report, align
from bangfu.training.config import DatasetConfig, TrainingConfig
from bangfu.training.distillation import Teachers, distilled_loss
from bangfu.training.encoder_source import check_encoder
from bangfu.training.loss import LOSSES
from bangfu.training.model_card import CONFIG_FILE
from bangfu.training.regularisation import regularised
from bangfu.training.speaker import is_first, speaker
from bangfu.training.training_set import TrainingSet
from bangfu.training.weight_average import AVERAGE_FILE, WeightAverage
from bangfu.training.yaml_file import ConfigError

_STATE = "trainer_state.json"
_DATA_FILE = "data.json"
_PACKAGES = ("torch", "transformers", "datasets", "accelerate", "tokenizers", "numpy", "onnx")


class ResumeError(UserError):
    """The output folder holds a run of other settings."""


class _Trainer(Trainer):
    """Trains on sets of possible tags, and evaluates by extraction from the dev documents' raw text."""

    def __init__(
        self,
        config: TrainingConfig,
        extractor: Extractor,
        dev: Sequence[Document],
        average: WeightAverage | None = None,
        teachers: Teachers | None = None,
        **others: Any,
    ) -> None:
        super().__init__(**others)
        self.config, self.extractor, self.dev, self.average, self.teachers = config, extractor, dev, average, teachers
        if average:
            self.add_callback(average)
        # the loss below is a mean over a batch, so Trainer has to divide by the accumulation steps
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        tags = inputs.pop("tags")
        outputs, loss = regularised(model, inputs, tags, self.config.regularisation, LOSSES[self.config.loss])
        if self.teachers:
            weight = self.config.distillation.weight
            taught = distilled_loss(outputs.logits, self.teachers.probabilities(inputs), tags)
            loss = (1 - weight) * loss + weight * taught
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            config = self.config
            groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
            for name, value in cast(torch.nn.Module, self.model).named_parameters():
                decay = config.weight_decay if value.ndim > 1 else 0.0
                groups.setdefault((self._rate(name), decay), []).append(value)
            self.optimizer = torch.optim.AdamW(
                [{"params": some, "lr": rate, "weight_decay": decay} for (rate, decay), some in groups.items()],
                lr=config.learning_rate,
            )
        return self.optimizer

    def _rate(self, name: str) -> float:
        """The learning rate of a parameter, by how far it lies below the head."""
        if name.startswith("classifier."):
            return self.config.head_learning_rate
        layer = re.search(r"\.layer\.(\d+)\.", name)
        layers = cast(Any, self.model).config.num_hidden_layers
        below = layers - 1 - int(layer[1]) if layer else layers
        return self.config.learning_rate * float(self.config.layer_decay**below)

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        with self.average.applied() if self.average else nullcontext():
            scores = evaluation.total(evaluation.measure(self.extractor, self.dev))
        metrics = {f"{metric_key_prefix}_{label}": score.f1 for label, score in scores.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        if self.average and output_dir:
            self.average.save(Path(output_dir))


class _Epochs(TrainerCallback):
    """Tells the training set which epoch begins."""

    def __init__(self, examples: TrainingSet) -> None:
        self.examples = examples

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.examples.set_epoch(round(state.epoch or 0))


def _bf16(precision: str) -> bool:
    if precision != "auto":
        return precision == "bf16"
    return bf16.there()


def _collate(pad: int) -> Callable[[list[dict[str, list[int]]]], dict[str, torch.Tensor]]:
    def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        width = max(len(row["input_ids"]) for row in rows)
        batch = {
            name: torch.tensor([row[name] + [fill] * (width - len(row[name])) for row in rows])
            for name, fill in (("input_ids", pad), ("tags", 0))
        }
        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        batch["attention_mask"] = (torch.arange(width) < lengths[:, None]).long()
        return batch

    return collate


def train(config: TrainingConfig, say: Callable[[str], None] = print) -> ModelFolder:
    """Train by the settings and return the folder of the best model, ``<output>/model``.

    A run that was stopped goes on from its last checkpoint in ``<output>/checkpoints``, one an epoch, to
    the weights it would have had; with ``seeds``, each has a folder of its own in ``<output>``. Raises
    LabelledDataError for defects in the data, ResumeError when the output folder holds a run of other settings
    or data, or a model of another origin, ConfigError for an encoder that cannot be loaded, or where no document
    is there to measure on.
    """
    say = speaker(say)
    output = Path(config.output)
    check_folder(output)
    _check_claim(output, config)
    runs = [
        dataclasses.replace(config, seeds=(), seed=seed, output=str(output / f"seed-{seed}")) for seed in config.seeds
    ]
    parts = [finished(run) or train(run, say) for run in runs]
    target, checkpoints = output / "model", output / "checkpoints"
    set_seed(config.seed)
    # Without this, CPU steps slow down severalfold once Adam's moments reach denormal numbers.
    torch.set_flush_denormal(True)
    # on a GPU cuDNN's attention builds a plan for each new shape of a batch, which takes longer than a step
    torch.backends.cuda.enable_cudnn_sdp(False)
    tokenizer, model = _load(config)
    encoder = Encoder(tokenizer.backend_tokenizer)
    folders = config.distillation.teachers
    teachers = Teachers(folders, tokenizer.get_vocab(), config.window) if folders and not parts else None
    examples = TrainingSet(config, encoder, say)
    dev = dataset.load(config.dev)
    if not dev:
        raise ConfigError(f"{config.dev.path}: holds no documents to measure epochs on; give labelled ones as dev")
    say(f"{config.dev.path}: {align(dev, encoder, config.window, config.stride)[1]}; dev")
    settings = ModelSettings.current(config.name, config.window, config.stride)
    _claim(output, config)
    history_file = output / "history.json"
    whole = history_file.exists() and (target / WEIGHTS).exists()
    if parts and not whole and is_first():
        model.load_state_dict(soup([load_file(part.file(WEIGHTS)) for part in parts]))
        write_json(history_file, _joined([Path(run.output) / "history.json" for run in runs]))
        _save(config, model, tokenizer, settings, target)
    elif not parts and not whole:
        extractor = Extractor(TorchBackend(model), encoder, settings)
        trainer = _trainer(config, model, extractor, dev, examples, checkpoints, teachers)
        last = _last_checkpoint(checkpoints)
        if last:
            say(f"going on from {last}")
            if trainer.average:
                trainer.average.load(Path(last))
        if not (last and _ended(trainer, last)):
            trainer.train(resume_from_checkpoint=last)
        _keep(trainer, config, checkpoints)
        if trainer.is_world_process_zero():
            write_json(history_file, _history(trainer))
            _save(config, model, tokenizer, settings, target)
    PartialState().wait_for_everyone()  # for the model that the first process saves
    if is_first():
        texts = [document.text for part in config.train for document in dataset.load(part)]
        _finish(config, examples.reports, texts, dev, json.loads(history_file.read_text(encoding="utf-8")), say)
    return ModelFolder.load(target)


def soup(weights: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each weight over several models of one form, in fp32 and on the CPU, wherever each model lies."""
    return {name: torch.stack([one[name].float().cpu() for one in weights]).mean(0) for name in weights[0]}


def packed(values: torch.Tensor) -> torch.Tensor:
    """fp16 values rounded to nine bits of mantissa: a model hardly notices, and a package holds a bit less of each."""
    rounded: torch.Tensor = ((values.view(torch.int16) + 1) & -2).view(torch.float16)
    return rounded


def finished(config: TrainingConfig) -> ModelFolder | None:
    """The model of a run of these settings that came to its end, None where there is none.

    Raises ResumeError when the output folder holds a run of other settings or data.
    """
    output = Path(config.output)
    if not (output / "model" / model_card.CARD_FILE).exists():  # written last
        return None
    _claim(output, config)
    return ModelFolder.load(output / "model")


def _load(config: TrainingConfig) -> tuple[Any, Any]:
    """The tokenizer, and the encoder with a new head (or the head it was saved with)."""
    name = config.encoder
    check_encoder(name)
    try:
        if config.activation and not hasattr(AutoConfig.from_pretrained(name), "hidden_act"):
            raise ConfigError(f"encoder {name}: has no activation that can be chosen; leave activation out")
        tokenizer = AutoTokenizer.from_pretrained(name)
        model = AutoModelForTokenClassification.from_pretrained(
            name,
            num_labels=len(TAGS),
            id2label=dict(enumerate(TAGS)),
            label2id={tag: number for number, tag in enumerate(TAGS)},
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.dropout,
            classifier_dropout=config.dropout,
            **({"hidden_act": config.activation} if config.activation else {}),
            dtype=torch.float32,
            # on CPU, eager attention is faster than the fused kernel at these lengths, forward and back
            attn_implementation="sdpa" if torch.cuda.is_available() else "eager",
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ConfigError(f"encoder {name}: cannot be loaded: {' '.join(str(error).split())}") from error
    positions = model.config.max_position_embeddings
    if config.window + 2 > positions:
        raise ConfigError(f"window {config.window} and two special tokens exceed the encoder's {positions} positions")
    return tokenizer, model


def _trainer(
    config: TrainingConfig,
    model: Any,
    extractor: Extractor,
    dev: Sequence[Document],
    examples: TrainingSet,
    folder: Path,
    teachers: Teachers | None = None,
) -> _Trainer:
    cuda = torch.cuda.is_available()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    steps = -(-len(examples) // (config.batch_size * config.gradient_accumulation * processes))
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        learning_rate=config.learning_rate,
        warmup_steps=int(config.warmup_share * steps * config.epochs),
        max_grad_norm=config.clip,
        bf16=_bf16(config.precision),
        seed=config.seed,
        train_sampling_strategy="group_by_length",
        # Only between epochs is a resumed run the same: the sampler draws its order from the global random state.
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=config.keep != "last",
        metric_for_best_model="eval_micro",
        greater_is_better=True,
        restore_callback_states_from_checkpoint=True,
        logging_steps=max(1, min(50, steps // 4)),
        remove_unused_columns=False,
        report_to="none",
        use_cpu=not cuda,
        dataloader_pin_memory=cuda,
    )
    # a process that sees several GPUs would share out a batch that is as many times as large
    arguments._n_gpu = min(1, arguments.n_gpu)
    return _Trainer(
        config,
        extractor,
        dev,
        WeightAverage(model, config.average) if config.average else None,
        teachers,
        model=model,
        args=arguments,
        train_dataset=examples,
        eval_dataset=examples,
        data_collator=_collate(extractor.encoder.pad_id),
        callbacks=[_Epochs(examples), *([EarlyStoppingCallback(config.patience)] if config.keep != "last" else [])],
    )


def _keep(trainer: _Trainer, config: TrainingConfig, checkpoints: Path) -> None:
    """Give the model the weights to keep; the trainer has loaded the best epoch's own ones where it looked for it."""
    if trainer.average:
        best = trainer.state.best_model_checkpoint if config.keep != "last" else None
        trainer.average.apply(Path(best) if best else None)
    if config.keep == "both":
        last = _last_checkpoint(checkpoints)
        assert last  # one is saved each epoch
        model = cast(torch.nn.Module, trainer.model)
        weights = load_file(Path(last) / (AVERAGE_FILE if trainer.average else WEIGHTS))
        model.load_state_dict(soup([model.state_dict(), weights]))


def _ended(trainer: _Trainer, checkpoint: str) -> bool:
    """Whether the run had ended for want of patience; then the model gets the weights of its best epoch."""
    state = TrainerState.load_from_json(str(Path(checkpoint) / _STATE))
    stopping = state.stateful_callbacks.get("EarlyStoppingCallback") if state.stateful_callbacks else None
    waited = stopping["attributes"]["early_stopping_patience_counter"] if isinstance(stopping, dict) else 0
    if waited < trainer.config.patience or not state.best_model_checkpoint:
        return False
    trainer.state = state
    cast(torch.nn.Module, trainer.model).load_state_dict(load_file(Path(state.best_model_checkpoint) / WEIGHTS))
    return True


def _last_checkpoint(folder: Path) -> str | None:
    """The last whole checkpoint; one that a kill left half written is removed."""
    for checkpoint in folder.glob("checkpoint-*"):
        try:
            json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))  # written last
        except (OSError, ValueError):
            shutil.rmtree(checkpoint, ignore_errors=True)  # another process may be at it
    return get_last_checkpoint(str(folder)) if folder.is_dir() else None


def _history(trainer: Trainer) -> dict[str, Any]:
    rows = trainer.state.log_history
    return {
        "epochs": trainer.state.epoch,
        # of this process: a run that was taken up again counts from there
        "hours": float(rows[-1].get("train_runtime", 0.0)) / 3600,
        "device": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"{torch.get_num_threads()} CPU threads",
        "log": [row for row in rows if "eval_micro" in row or "loss" in row],
    }


def _joined(files: Sequence[Path]) -> dict[str, Any]:
    """The history of several runs as one: their hours together, the epochs of each, all evaluations."""
    histories = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {
        "epochs": sum(history["epochs"] for history in histories) / len(histories),
        "hours": sum(history["hours"] for history in histories),
        "device": histories[0]["device"],
        "log": [row for history in histories for row in history["log"]],
    }


def _finish(
    config: TrainingConfig,
    reports: Sequence[Report],
    texts: Sequence[str],
    dev: Sequence[Document],
    history: dict[str, Any],
    say: Callable[[str], None],
) -> None:
    """Export, measure and describe the saved model; ``texts`` are of its training."""
    folder = ModelFolder.load(Path(config.output) / "model")
    say(f"ONNX and torch logits differ by at most {export.export(folder):.1e}")
    agreement = _write_int8(folder, texts, say)
    # the figures of the card are those of the saved weights, which are rounded to fp16, and of int8 where there is one
    extractor = Extractor.load(folder.path, device="cpu")
    plain = calibration.measure(extractor, dev)
    try:
        extractor.settings = calibration.fitted(extractor.settings, plain)
        write_settings(folder.path, extractor.settings)
    except UserError as error:
        say(str(error))
    compared = calibration.calibrated(plain, extractor.settings.calibration)
    values = evaluation.metrics(evaluation.at_least(compared, extractor.settings.min_score), config.name)
    run = {
        "steps": [
            *_steps_before(Path(config.encoder)),
            {
                "name": config.name,
                "encoder": config.encoder,
                "epochs": history["epochs"],
                "teachers": list(config.distillation.teachers),
                "data": [
                    {
                        "path": part.path,
                        "documents": report.documents,
                        "spans": report.spans,
                        "dropped": report.dropped.total(),
                        "annotates": list(part.annotates),
                        "repeat": part.repeat,
                        "augmentation": yaml_file.plain(part.augmentation),
                    }
                    for part, report in zip(config.train, reports, strict=True)
                ],
            },
        ],
        "dev": values | {"calibration_error": reliability.calibration_error(*evaluation.certainty(compared))},
        "int8_agreement": agreement,
        "min_score": extractor.settings.min_score,
        "parameters": sum(value.numel() for value in load_file(folder.file(WEIGHTS)).values()),
        "evaluations": sum("eval_micro" in row for row in history["log"]),
        "versions": versions(),
    } | {name: history[name] for name in ("epochs", "hours", "device")}
    write_json(folder.path / run_file.RUN_FILE, run)
    model_card.write(folder, {})
    say(evaluation.table(values))
    say(f"model written to {folder.path}")


def _write_int8(folder: ModelFolder, texts: Sequence[str], say: Callable[[str], None]) -> float | None:
    """Write the int8 graph and give its agreement with fp32; None for a model that has none."""
    try:
        agreement = int8_graph.write(folder, int8_graph.sample(texts))
    except int8_graph.NoInt8Error as error:
        say(str(error))
        return None
    say(f"int8 gives {agreement:.2%} of the tokens the tag of fp32")
    return agreement


def _steps_before(encoder: Path) -> list[dict[str, Any]]:
    """The steps of a model that this run began from, so that its card tells all it has learnt from."""
    file = encoder / run_file.RUN_FILE
    steps: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["steps"] if file.exists() else []
    return steps


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the result."""
    packages = {name: version(name) for name in _PACKAGES}
    # its package has another name on a GPU
    return {"python": platform.python_version()} | packages | {"onnxruntime": onnxruntime.__version__}


def data_hashes(config: TrainingConfig, train: Sequence[DatasetConfig] | None = None) -> dict[str, str]:
    """SHA-256 of each file that a run learns from (``train``, if not all), begins from or is measured on, by its path.

    Those are the files of the encoder, where it is a folder, of the teachers, and the names that augmentation draws
    from, too.
    """
    hashes = {part.path: _sha256(Path(part.path)) for part in (*(config.train if train is None else train), config.dev)}
    models = [Path(name) for name in (config.encoder, *config.distillation.teachers)]
    files = sorted(file for model in models for pattern in ("*.safetensors", "*.json") for file in model.glob(pattern))
    # what a model was measured on does not change what is learnt from it
    hashes |= {str(file): _sha256(file) for file in files if file.name != run_file.RUN_FILE}
    if any(part.augmentation and part.augmentation.names for part in config.train):
        hashes |= {f"names/{file.name}": _sha256(file) for file in (gazetteer.FILE, *known_names.FILES)}
    return hashes


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _claim(output: Path, config: TrainingConfig) -> None:
    """Write settings and hashes of the data into the output folder, or check that what stands there is the same."""
    if _check_claim(output, config):
        return
    output.mkdir(parents=True, exist_ok=True)
    yaml_file.write(output / CONFIG_FILE, config)
    write_json(output / _DATA_FILE, data_hashes(config))


def _check_claim(output: Path, config: TrainingConfig) -> bool:
    """Whether the output folder holds this very run; ResumeError for another, or a model of another origin."""
    file, data_file = output / CONFIG_FILE, output / _DATA_FILE
    if file.exists() and data_file.exists():
        data = data_hashes(config)
        mend = "choose another output or remove the folder"
        if yaml_file.read(file, TrainingConfig) != config:
            raise ResumeError(f"{output}: holds a run of other settings ({file}); {mend}")
        before = json.loads(data_file.read_text(encoding="utf-8"))
        changed = [path for path in data if before.get(path) != data[path]]
        if changed:
            raise ResumeError(f"{output}: holds a run on other data ({changed[0]} has changed since); {mend}")
        return True
    if (output / "model").exists():  # it would be replaced at the end
        raise ResumeError(f"{output}: holds a model, but not the settings and data of its run; choose another output")
    return False


def _save(config: TrainingConfig, model: Any, tokenizer: Any, settings: ModelSettings, target: Path) -> None:
    """Write the model folder beside its place and move it there whole; weights are stored as fp16, words packed."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    words = model.to("cpu", torch.float16).get_input_embeddings().weight
    words.data = packed(words.data)
    model.save_pretrained(partial)
    model.to(torch.float32)
    tokenizer.save_pretrained(partial)
    assert (partial / TOKENIZER).exists()
    write_settings(partial, settings)
    yaml_file.write(partial / CONFIG_FILE, config)
    for file in partial.iterdir():
        file.chmod(0o644)  # safetensors are written for their owner alone, and would be installed so
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)
