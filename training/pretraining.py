"""Pretraining of an encoder: masked words, and the tags and names of all words as further objectives."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from transformers import AutoTokenizer

from bangfu.inference.encoder import Encoder
from bangfu.labels.user_error import UserError
from bangfu.training import bf16, pieces, pretraining_log, token_store, vocabulary, yaml_file
from bangfu.training.pretraining_batch import Batch, SpecialIds, draw
from bangfu.training.pretraining_config import PretrainingConfig
from bangfu.training.pretraining_model import OBJECTIVES, PretrainingModel, load_encoder, new_encoder
from bangfu.training.speaker import speaker
from bangfu.training.text_source import IGNORE

CONFIG_FILE = "config.yaml"
CHECKPOINT = "checkpoint"
# Rows of held-out text that are measured, always the same ones with the same masks.
HELD_OUT_ROWS = 256
# A run may be taken up with other values of these: made longer, its notes taken more often, another device.
FREE = (
    *("learning_rate", "clip", "steps", "decay_steps", "checkpoint_minutes", "budget_minutes", "log_steps"),
    *("micro_batch_tokens", "bf16", "compile", "tokens"),
)


def learning_rate(step: int, config: PretrainingConfig) -> float:
    """The rate of a step: straight up, level, straight down to nought."""
    up = min(1.0, (step + 1) / max(1, config.warmup_steps))
    down = min(1.0, (config.steps - step) / max(1, config.decay_steps))
    return config.learning_rate * min(up, down)


def prepare(config: PretrainingConfig, say: Callable[[str], None] = print) -> tuple[Any, token_store.TokenStore]:
    """The tokenizer and the prepared tokens of a run, made where they are not yet there."""
    folder = Path(config.tokens or f"{config.output}/tokens")
    if config.encoder:
        tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    else:
        # inside the tokens' folder, so that it travels with them and is removed with them
        place = folder / f"vocabulary-{config.minimum_count}"
        if (place / vocabulary.VOCABULARY_FILE).exists():
            tokenizer = AutoTokenizer.from_pretrained(place)
        else:
            if (folder / token_store.INDEX_FILE).exists():
                raise UserError(f"{folder}: holds the tokens of another vocabulary; remove it or name another folder")
            tokens = vocabulary.build(token_store.characters(config.sources), config.minimum_count)
            tokenizer = vocabulary.write(tokens, place)
            say(f"vocabulary of {len(tokens):,} tokens written to {place}")
    encoder = Encoder(tokenizer.backend_tokenizer)
    return tokenizer, token_store.build(config.sources, encoder, folder, config.held_out, say)


class Pretraining:
    """A run that can be stopped and taken up again; ``output`` holds its state, log and encoder.

    Under ``accelerate launch`` the rows of each step are shared out among the processes.
    """

    def __init__(self, config: PretrainingConfig, say: Callable[[str], None] = print) -> None:
        self.accelerator = Accelerator(mixed_precision="bf16" if config.bf16 and bf16.there() else "no")
        torch.manual_seed(config.seed)
        # Without this, steps slow down severalfold once Adam's moments reach denormal numbers.
        torch.set_flush_denormal(True)
        if config.tokens_per_step // max(config.lengths) < self.accelerator.num_processes:
            raise UserError(
                f"tokens_per_step {config.tokens_per_step} gives no row to some of "
                f"{self.accelerator.num_processes} processes; raise it or start fewer"
            )
        self.config = config
        self.say = speaker(say)
        self.folder = Path(config.output)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.accelerator.main_process_first():
            self.tokenizer, self.store = prepare(config, self.say)
        encoder = (
            new_encoder(config.architecture, len(self.tokenizer))
            if config.architecture
            else load_encoder(config.encoder)
        )
        longest = max(config.lengths)
        if longest > encoder.config.max_position_embeddings:
            raise UserError(
                f"lengths: {longest} exceeds the encoder's {encoder.config.max_position_embeddings} positions"
            )
        self.model = PretrainingModel(encoder, len(self.store.tag_names), config.dropout, config.compile)
        optimizer = torch.optim.AdamW(self.model.groups(config.weight_decay), betas=(0.9, 0.98), eps=1e-6, fused=True)
        self.wrapped, self.optimizer = self.accelerator.prepare(self.model, optimizer)
        self.step = 0
        mask = int(self.tokenizer.mask_token_id)
        cls_id, sep_id = int(self.tokenizer.cls_token_id), int(self.tokenizer.sep_token_id)
        self.specials = SpecialIds(cls_id, sep_id, mask, mask + 1, len(self.tokenizer))
        self.weights = [source.weight for source in config.sources]

    def batch(self, step: int) -> Batch:
        """The whole batch of a step: a function of the step and the seed alone, so that a resumed run sees the same."""
        config = self.config
        random = np.random.default_rng([config.seed, step])
        length = int(random.choice(config.lengths))
        size = (config.tokens_per_step // length, length)
        return draw(self.store.train, self.weights, size, config.masked_share, self.specials, random)

    def run(self) -> None:
        """Train to the last step or the end of the budget, from the last checkpoint where there is one.

        The encoder is saved at the end of either.
        """
        config = self.config
        self._resume()
        if self.accelerator.is_main_process:
            yaml_file.write(self.folder / CONFIG_FILE, config)
        self.model.train()
        began = noted = saved = time.monotonic()
        tokens, sums = 0, np.zeros((2, len(OBJECTIVES)))
        stopped = False
        # the next batch is drawn while this one is computed
        drawer = ThreadPoolExecutor(1)
        coming = drawer.submit(self.batch, self.step)
        while self.step < config.steps and not stopped:
            rate = learning_rate(self.step, config)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            batch = coming.result()
            coming = drawer.submit(self.batch, self.step + 1)
            sums += self._train_on(batch)
            self.step += 1
            tokens += batch.ids.size
            if self.step % config.log_steps == 0 or self.step == config.steps:
                self._note(sums, rate, tokens / (time.monotonic() - noted))
                noted, tokens, sums = time.monotonic(), 0, np.zeros((2, len(OBJECTIVES)))
            stopped = self._any(bool(config.budget_minutes) and time.monotonic() - began > 60 * config.budget_minutes)
            if self._any(time.monotonic() - saved > 60 * config.checkpoint_minutes):
                before = time.monotonic()
                self._checkpoint()
                saved = time.monotonic()
                noted += saved - before
        drawer.shutdown()
        self._checkpoint()
        if stopped:
            self.say(f"stopped after {config.budget_minutes:g} minutes at step {self.step}; run again to go on")
        self.save()

    def _any(self, value: bool) -> bool:
        """Whether the main process says so: clocks differ, and processes must stop at the same step."""
        if self.accelerator.num_processes == 1:
            return value
        flag = torch.tensor(int(value and self.accelerator.is_main_process), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag).item())

    def _train_on(self, batch: Batch) -> npt.NDArray[np.float64]:
        """One step; gives [2, objectives], summed losses and how many targets they are of, over all processes."""
        config, accelerator = self.config, self.accelerator
        rank, processes = accelerator.process_index, accelerator.num_processes
        counts = np.array([batch.masked.sum(), (batch.tags != IGNORE).sum(), (batch.names != IGNORE).sum()])
        scales = np.array([1.0, config.tag_weight, config.name_weight]) / np.maximum(counts, 1)
        # gradients are averaged over processes, so each one's share counts as often as there are processes
        weights = torch.tensor(scales * processes, dtype=torch.float32, device=accelerator.device)
        # dropout, where there is any, is a function of the step, too
        torch.manual_seed((config.seed * 1_000_003 + self.step) * 64 + rank)
        mine = batch.rows(slice(rank, None, processes))
        rows = len(mine.ids)
        size = max(1, config.micro_batch_tokens // batch.ids.shape[1]) if config.micro_batch_tokens else rows
        summed = torch.zeros(len(OBJECTIVES), device=accelerator.device)
        for first in range(0, rows, size):
            with accelerator.no_sync(self.wrapped) if first + size < rows else nullcontext():
                losses = self.wrapped(*self._tensors(mine.rows(slice(first, first + size))))
                accelerator.backward((losses * weights).sum())
                summed += losses.detach()
        total = accelerator.reduce(summed).double().cpu().numpy()
        if not np.isfinite(total).all():
            raise UserError(f"the loss is {total} at step {self.step}; lower learning_rate and run again to go on")
        accelerator.clip_grad_norm_(self.wrapped.parameters(), config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return np.stack([total, counts])

    def _tensors(self, batch: Batch) -> list[torch.Tensor]:
        columns = (batch.inputs, batch.ids, batch.masked, batch.tags, batch.names)
        return [torch.from_numpy(np.ascontiguousarray(values)).to(self.accelerator.device) for values in columns]

    @torch.no_grad()
    def held_out(self) -> dict[str, float]:
        """Mean losses on held-out text, by objective; empty where none was held out.

        Those of tags and names mean nothing before their heads, which are not part of an encoder, were trained.
        """
        length = max(self.config.lengths)
        if not any(len(piece.ids) > length for piece in self.store.held_out):
            return {}
        random = np.random.default_rng([self.config.seed, 1 << 40])
        size, share = (HELD_OUT_ROWS, length), self.config.masked_share
        whole = draw(self.store.held_out, [1.0] * len(self.weights), size, share, self.specials, random)
        counts = np.array([whole.masked.sum(), (whole.tags != IGNORE).sum(), (whole.names != IGNORE).sum()])
        self.model.eval()
        total = np.zeros(len(OBJECTIVES))
        with self.accelerator.autocast():
            for first in range(0, HELD_OUT_ROWS, 32):
                total += self.model(*self._tensors(whole.rows(slice(first, first + 32)))).double().cpu().numpy()
        self.model.train()
        return {
            name: round(float(loss / number), 4)
            for name, loss, number in zip(OBJECTIVES, total, counts, strict=True)
            if number
        }

    def save(self) -> None:
        """Write the encoder as bf16 safetensors, with its tokenizer."""
        if self.accelerator.is_main_process:
            target = self.folder / "encoder"
            partial = target.with_name(f".{target.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            encoder = self.model.encoder
            encoder.to(torch.bfloat16).save_pretrained(partial, max_shard_size="15MB")
            encoder.to(torch.float32)
            self.tokenizer.save_pretrained(partial)
            ids = self.tokenizer.get_vocab()
            vocabulary.write_list(sorted(ids, key=ids.__getitem__), partial)
            for file in partial.iterdir():
                file.chmod(0o644)  # safetensors are written for their owner alone
            # a whole folder in the place of the old one: weights in one file would hide newer ones in several
            shutil.rmtree(target, ignore_errors=True)
            os.replace(partial, target)
            self.say(f"encoder written to {target}")
        self.accelerator.wait_for_everyone()

    def _note(self, sums: npt.NDArray[np.float64], rate: float, speed: float) -> None:
        means = sums[0] / np.maximum(sums[1], 1)
        row: dict[str, Any] = {"step": self.step, "tokens": self.step * self.config.tokens_per_step}
        row |= {f"{name}_loss": round(float(loss), 4) for name, loss in zip(OBJECTIVES, means, strict=True)}
        self._log(row | {"learning_rate": rate, "tokens_per_second": round(speed)})

    def _log(self, row: dict[str, Any]) -> None:
        if self.accelerator.is_main_process:
            pretraining_log.append(self.folder, row)
            self.say(json.dumps(row))

    def _optimizer_state(self) -> Any:
        return getattr(self.optimizer, "optimizer", self.optimizer)

    def _checkpoint(self) -> None:
        """Save weights, moments and step; measure held-out text and draw the log."""
        held = self.held_out()
        if held:
            self._log({"step": self.step, "tokens": self.step * self.config.tokens_per_step, "held_out": held})
        if self.accelerator.is_main_process:
            tensors: dict[str, torch.Tensor] = {f"model.{k}": v for k, v in self.model.named_weights().items()}
            for number, state in self._optimizer_state().state_dict()["state"].items():
                tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
            pieces.save(tensors, {"step": self.step}, self.folder / CHECKPOINT)
            pretraining_log.plot(self.folder)
        self.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        place = pieces.find(self.folder / CHECKPOINT)
        if place is None:
            return
        before = yaml_file.read(self.folder / CONFIG_FILE, PretrainingConfig)
        if dataclasses.replace(before, **{name: getattr(self.config, name) for name in FREE}) != self.config:
            raise UserError(f"{self.folder}: holds a run of other settings; choose another output or remove it")
        tensors, values = pieces.load(place)
        self.step = int(values["step"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        weights = self.model.named_weights()
        with torch.no_grad():
            for name, value in tensors.items():
                kind, _, rest = name.partition(".")
                if kind == "model":
                    weights[rest].copy_(value)
                else:
                    number, _, key = rest.partition(".")
                    state.setdefault(int(number), {})[key] = value
        optimizer = self._optimizer_state()
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        self.say(f"resuming {place} at step {self.step}")
