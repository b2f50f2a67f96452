"""Fine-tuning of a token classifier on labelled data, by transformers' Trainer."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    EarlyStoppingCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_utils import get_last_checkpoint

from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import TOKENIZER, ModelFolder, ModelSettings, write_settings
from bangfu.inference.tokens import Encoder
from bangfu.inference.torch_backend import TorchBackend
from bangfu.labels.document import Document
from bangfu.labels.schema import TAGS
from bangfu.labels.user_error import UserError
from bangfu.training import dataset, evaluation, export, model_card, yaml_file
from bangfu.training.alignment import Report, align
from bangfu.training.config import TrainingConfig
from bangfu.training.loss import marginal_loss
from bangfu.training.model_card import CONFIG_FILE
from bangfu.training.yaml_file import ConfigError

_PACKAGES = ("torch", "transformers", "datasets", "accelerate", "tokenizers", "numpy", "onnx", "onnxruntime")


class ResumeError(UserError):
    """The output folder holds a run of other settings."""


class _Trainer(Trainer):
    """Trains on sets of possible tags, and evaluates by extraction from the dev documents' raw text."""

    def __init__(self, config: TrainingConfig, extractor: Extractor, dev: Sequence[Document], **others: Any) -> None:
        super().__init__(**others)
        self.config, self.extractor, self.dev = config, extractor, dev
        # the loss below is a mean over a batch, so Trainer has to divide by the accumulation steps
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        tags = inputs.pop("tags")
        outputs = model(**inputs)
        loss = marginal_loss(outputs.logits, tags)
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            config, groups = self.config, []
            for head, rate in ((False, config.learning_rate), (True, config.head_learning_rate)):
                for matrix, decay in ((True, config.weight_decay), (False, 0.0)):
                    chosen = [
                        value
                        for name, value in cast(torch.nn.Module, self.model).named_parameters()
                        if name.startswith("classifier.") == head and (value.ndim > 1) == matrix
                    ]
                    groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
            self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate)
        return self.optimizer

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        scores = evaluation.total(evaluation.measure(self.extractor, self.dev))
        metrics = {f"{metric_key_prefix}_{label}": score.f1 for label, score in scores.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def _silence(_: str) -> None:
    pass


def _bf16(precision: str) -> bool:
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


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


def _training_set(config: TrainingConfig, encoder: Encoder, say: Callable[[str], None]) -> tuple[Dataset, list[Report]]:
    rows: list[dict[str, list[int]]] = []
    reports = []
    for part in config.train:
        examples, report = align(dataset.load(part), encoder, config.window, config.stride, part.annotates)
        say(f"{part.path}: {report}" + (f"; seen {part.repeat} times an epoch" if part.repeat > 1 else ""))
        reports.append(report)
        some = [{"input_ids": one.ids.tolist(), "tags": one.tags.tolist()} for one in examples]
        rows += some * part.repeat
    if not rows:
        raise ConfigError("the training data holds no text; check the paths under train")
    return Dataset.from_list(rows), reports


def train(config: TrainingConfig, say: Callable[[str], None] = print) -> ModelFolder:
    """Train by the settings and return the folder of the best model, ``<output>/model``.

    A run that was stopped goes on from its last checkpoint in ``<output>/checkpoints`` to the result it
    would have had. Raises LabelledDataError for defects in the data, ResumeError when the output folder
    belongs to other settings, OSError when the encoder is neither a folder nor to be had from the hub.
    """
    if int(os.environ.get("RANK", "0")):
        say = _silence  # under accelerate launch, one process speaks for all
    output = Path(config.output)
    target, checkpoints = output / "model", output / "checkpoints"
    _claim(output, config)
    set_seed(config.seed)
    # Without this, CPU steps slow down severalfold once Adam's moments reach denormal numbers.
    torch.set_flush_denormal(True)
    tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    encoder = Encoder(tokenizer.backend_tokenizer)
    cuda = torch.cuda.is_available()
    model = AutoModelForTokenClassification.from_pretrained(
        config.encoder,
        num_labels=len(TAGS),
        id2label=dict(enumerate(TAGS)),
        label2id={tag: number for number, tag in enumerate(TAGS)},
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        classifier_dropout=config.dropout,
        dtype=torch.float32,
        # on CPU, eager attention is faster than the fused kernel at these lengths, forward and back
        attn_implementation="sdpa" if cuda else "eager",
    )
    positions = model.config.max_position_embeddings
    if config.window + 2 > positions:
        raise ConfigError(f"window {config.window} and two special tokens exceed the encoder's {positions} positions")
    examples, reports = _training_set(config, encoder, say)
    dev = dataset.load(config.dev)
    say(f"{config.dev.path}: {align(dev, encoder, config.window, config.stride)[1]}; dev")
    settings = ModelSettings.current(config.name, config.window, config.stride)
    extractor = Extractor(TorchBackend(model), encoder, settings)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    steps = -(-len(examples) // (config.batch_size * config.gradient_accumulation * processes))
    every = max(1, steps // config.checkpoints_per_epoch)
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        learning_rate=config.learning_rate,
        warmup_steps=int(config.warmup_share * steps * config.epochs),
        max_grad_norm=config.clip,
        bf16=_bf16(config.precision),
        seed=config.seed,
        train_sampling_strategy="group_by_length",
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=every,
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_micro",
        greater_is_better=True,
        restore_callback_states_from_checkpoint=True,
        logging_steps=max(1, min(50, steps // 4)),
        remove_unused_columns=False,
        report_to="none",
        use_cpu=not cuda,
        dataloader_pin_memory=cuda,
    )
    trainer = _Trainer(
        config,
        extractor,
        dev,
        model=model,
        args=arguments,
        train_dataset=examples,
        eval_dataset=examples,
        data_collator=_collate(encoder.pad_id),
        callbacks=[EarlyStoppingCallback(config.patience)],
    )
    last = get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    if last:
        say(f"going on from {last}")
    trainer.train(resume_from_checkpoint=last)
    if trainer.is_world_process_zero():
        history = [row for row in trainer.state.log_history if "eval_micro" in row or "loss" in row]
        (output / "history.json").write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
        _save(config, model, tokenizer, settings, target)
        folder = ModelFolder.load(target)
        difference = export.export(folder)
        say(f"ONNX and torch logits differ by at most {difference:.1e}")
        # the figures of the card are those of the saved weights, which are rounded to fp16
        values = evaluation.metrics(evaluation.measure(Extractor.load(target), dev), config.name)
        run = {
            "data": [
                {"documents": report.documents, "spans": report.spans, "dropped": report.dropped.total()}
                for report in reports
            ],
            "dev": values,
            "parameters": sum(value.numel() for value in model.parameters()),
            "evaluations": sum("eval_micro" in row for row in history),
            "epochs": trainer.state.epoch,
            "hours": _hours(trainer),
            "device": torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
            "versions": versions(),
        }
        (target / model_card.RUN_FILE).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
        model_card.write(folder, {})
        say(evaluation.table(values))
        say(f"model written to {target}")
    trainer.accelerator.wait_for_everyone()
    return ModelFolder.load(target)


def _hours(trainer: Trainer) -> float:
    """Hours of training in this process; a run that was taken up again counts from there."""
    return float(trainer.state.log_history[-1].get("train_runtime", 0.0)) / 3600


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the result."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def _claim(output: Path, config: TrainingConfig) -> None:
    """Write the settings into the output folder, or check that they are those that stand there."""
    file = output / CONFIG_FILE
    if file.exists():
        if yaml_file.read(file, TrainingConfig) != config:
            raise ResumeError(f"{output}: holds a run of other settings ({file}); choose another output or remove it")
        return
    output.mkdir(parents=True, exist_ok=True)
    yaml_file.write(file, config)


def _save(config: TrainingConfig, model: Any, tokenizer: Any, settings: ModelSettings, target: Path) -> None:
    """Write the model folder beside its place and move it there whole; weights are stored as fp16."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.to("cpu", torch.float16).save_pretrained(partial)
    model.to(torch.float32)
    tokenizer.save_pretrained(partial)
    assert (partial / TOKENIZER).exists()
    write_settings(partial, settings)
    yaml_file.write(partial / CONFIG_FILE, config)
    for file in partial.iterdir():
        file.chmod(0o644)  # safetensors are written for their owner alone, and would be installed so
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)
