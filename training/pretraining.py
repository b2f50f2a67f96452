"""Pretraining of an encoder: masked words, and the tags of all words as a second objective."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import AutoModelForMaskedLM, AutoTokenizer

from bangfu.inference.tokens import Encoder
from bangfu.labels.atomic_file import replaced
from bangfu.labels.user_error import UserError
from bangfu.training import word_stream, yaml_file
from bangfu.training.masking import corrupt, mask_words
from bangfu.training.pretraining_config import PretrainingConfig

CONFIG_FILE = "config.yaml"


@dataclass(frozen=True)
class Batch:
    """One step's tokens, all [rows, tokens] and with [CLS] and [SEP] around each row."""

    ids: npt.NDArray[np.int64]
    inputs: npt.NDArray[np.int64]
    masked: npt.NDArray[np.bool_]
    tags: npt.NDArray[np.int64]


def draw(
    stream: word_stream.WordStream, step: int, config: PretrainingConfig, specials: tuple[int, int, int], size: int
) -> Batch:
    """The batch of a step: a pure function of the step and the seed, so that a resumed run sees the same.

    Rows are drawn from anywhere in the text, with replacement.
    """
    random = np.random.default_rng([config.seed, step])
    length = int(random.choice(config.lengths))
    rows = config.tokens_per_step // length
    body = length - 2
    begins = random.integers(0, len(stream.ids) - body, size=rows)
    index = begins[:, None] + np.arange(body)
    ids = np.asarray(stream.ids[index], dtype=np.int64)
    masked = mask_words(np.asarray(stream.word_starts[index]), config.masked_share, random)
    cls_id, sep_id, mask_id = specials
    inputs = corrupt(ids, masked, mask_id, (mask_id + 1, size), random)
    tags = np.asarray(stream.tags[index], dtype=np.int64)

    def frame(values: npt.NDArray[Any], first: int, last: int) -> npt.NDArray[Any]:
        return np.pad(values, ((0, 0), (1, 1)), constant_values=((0, 0), (first, last)))

    return Batch(
        frame(ids, cls_id, sep_id),
        frame(inputs, cls_id, sep_id),
        frame(masked, 0, 0),
        frame(tags, word_stream.IGNORE, word_stream.IGNORE),
    )


def learning_rate(step: int, config: PretrainingConfig) -> float:
    """The rate of a step: straight up, level, straight down to nought."""
    up = min(1.0, (step + 1) / max(1, config.warmup_steps))
    down = min(1.0, (config.steps - step) / max(1, config.decay_steps))
    return config.learning_rate * min(up, down)


class Pretraining:
    """A run that can be stopped and taken up again; ``output`` holds its state, log and encoder."""

    def __init__(self, config: PretrainingConfig, say: Callable[[str], None] = print) -> None:
        torch.manual_seed(config.seed)
        # Without this, steps slow down severalfold once Adam's moments reach denormal numbers.
        torch.set_flush_denormal(True)
        self.config, self.say = config, say
        self.folder = Path(config.output)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = AutoTokenizer.from_pretrained(config.encoder)
        self.encoder = Encoder(self.tokenizer.backend_tokenizer)
        self.stream = word_stream.build([Path(name) for name in config.text], self.encoder, self.folder / "tokens")
        # On CPU, eager attention is a tenth faster than the fused kernel at these lengths, forward and back.
        attention = "sdpa" if self.device.type == "cuda" else "eager"
        self.model = AutoModelForMaskedLM.from_pretrained(
            config.encoder, dtype=torch.float32, attn_implementation=attention
        ).to(self.device)
        hidden = self.model.config.hidden_size
        self.tag_head = torch.nn.Linear(hidden, 2 * len(self.stream.tag_names)).to(self.device)
        named = [*self.model.named_parameters(), *self.tag_head.named_parameters()]
        decayed = [p for _, p in named if p.ndim > 1]
        others = [p for _, p in named if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
            betas=(0.9, 0.98),
            eps=1e-6,
        )
        self.step = 0
        self.specials = (self.encoder.cls_id, self.encoder.sep_id, int(self.tokenizer.mask_token_id))

    def losses(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss of the masked tokens and mean loss of the words' tags."""
        inputs = torch.from_numpy(batch.inputs).to(self.device)
        masked = torch.from_numpy(batch.masked).to(self.device)
        hidden = self.model.base_model(inputs).last_hidden_state
        logits = self.model.cls(hidden[masked])
        masked_loss = functional.cross_entropy(logits.float(), torch.from_numpy(batch.ids).to(self.device)[masked])
        tags = torch.from_numpy(batch.tags).to(self.device)
        tag_loss = functional.cross_entropy(
            self.tag_head(hidden).float().flatten(0, 1), tags.flatten(), ignore_index=word_stream.IGNORE
        )
        return masked_loss, tag_loss

    def run(self) -> None:
        """Train to the last step, from the last checkpoint where there is one; then save the encoder."""
        config = self.config
        self._resume()
        yaml_file.write(self.folder / CONFIG_FILE, config)
        self.model.train()
        began = saved = time.monotonic()
        seen, sums = 0, np.zeros(2)
        while self.step < config.steps:
            rate = learning_rate(self.step, config)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            # dropout, where the encoder has any, is a function of the step, too
            torch.manual_seed(config.seed * 1_000_003 + self.step)
            batch = draw(self.stream, self.step, config, self.specials, len(self.tokenizer))
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=config.bf16):
                masked_loss, tag_loss = self.losses(batch)
                loss = masked_loss + config.tag_weight * tag_loss
            if not math.isfinite(float(loss.detach())):
                raise RuntimeError(f"the loss is {float(loss)} at step {self.step}; lower learning_rate and resume")
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([*self.model.parameters(), *self.tag_head.parameters()], config.clip)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.step += 1
            seen += batch.ids.size
            sums += float(masked_loss.detach()), float(tag_loss.detach())
            if self.step % config.log_steps == 0 or self.step == config.steps:
                done = self.step % config.log_steps or config.log_steps
                self._log(sums / done, rate, seen / (time.monotonic() - began))
                began, seen, sums = time.monotonic(), 0, np.zeros(2)
            if time.monotonic() - saved > 60 * config.checkpoint_minutes:
                self._checkpoint()
                saved = time.monotonic()
        self._checkpoint()
        self.save()

    def save(self) -> None:
        """Write the encoder as bf16 safetensors, with its tokenizer."""
        target = self.folder / "encoder"
        self.model.to(torch.bfloat16).save_pretrained(target)
        self.tokenizer.save_pretrained(target)
        for file in target.iterdir():
            file.chmod(0o644)  # safetensors are written for their owner alone
        self.model.to(torch.float32)
        self.say(f"encoder written to {target}")

    def _log(self, losses: npt.NDArray[np.float64], rate: float, speed: float) -> None:
        row = {
            "step": self.step,
            "tokens": self.step * self.config.tokens_per_step,
            "masked_loss": round(float(losses[0]), 4),
            "tag_loss": round(float(losses[1]), 4),
            "learning_rate": rate,
            "tokens_per_second": round(speed),
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        self.say(json.dumps(row))

    def _tensors(self) -> dict[str, torch.Tensor]:
        tensors = {f"model.{name}": value for name, value in self.model.named_parameters()}
        tensors |= {f"tag_head.{name}": value for name, value in self.tag_head.named_parameters()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        return {name: value.detach().contiguous().cpu() for name, value in tensors.items()}

    def _checkpoint(self) -> None:
        with replaced(self.folder / "checkpoint.safetensors") as partial:
            save_file(self._tensors(), partial, metadata={"step": str(self.step)})

    def _resume(self) -> None:
        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return
        before = yaml_file.read(self.folder / CONFIG_FILE, PretrainingConfig)
        # a run may be made longer or shorter, and its notes taken more or less often
        free = {
            name: getattr(self.config, name) for name in ("steps", "decay_steps", "checkpoint_minutes", "log_steps")
        }
        if dataclasses.replace(before, **free) != self.config:
            raise UserError(f"{self.folder}: holds a run of other settings; choose another output or remove it")
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])
        tensors = load_file(path)
        state: dict[int, dict[str, torch.Tensor]] = {}
        named = {f"model.{name}": value for name, value in self.model.named_parameters()}
        named |= {f"tag_head.{name}": value for name, value in self.tag_head.named_parameters()}
        with torch.no_grad():
            for name, value in tensors.items():
                if name.startswith("optimizer."):
                    _, number, key = name.split(".")
                    state.setdefault(int(number), {})[key] = value
                else:
                    named[name].copy_(value)
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})
        self.say(f"resuming {path} at step {self.step}")
