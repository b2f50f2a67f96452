"""The probe: how good an encoder is, by standard fine-tuning on a public set of named entities."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

from bangfu.inference.cleaning import clean
from bangfu.inference.decoding import decode
from bangfu.inference.encoder import Encoder
from bangfu.inference.windows import Window, stitch, windows
from bangfu.labels import jsonl
from bangfu.labels.atomic_file import write_json
from bangfu.labels.defect import Defect, LabelledDataError
from bangfu.labels.user_error import UserError
from bangfu.training import bf16
from bangfu.training.encoder_source import check_encoder, loading
from bangfu.training.evaluation import Score
from bangfu.training.loss import LOSSES
from bangfu.training.probe_config import ProbeConfig
from bangfu.training.weight_average import WeightAverage
from bangfu.training.yaml_file import ConfigError


@dataclass(frozen=True)
class Sentence:
    """Token ids, their tags, and the gold spans as (first token, last token + 1, label).

    A span that cannot be told by tokens stays among the gold ones as (-1, -1, label): it counts as missed.
    """

    ids: npt.NDArray[np.int64]
    tags: npt.NDArray[np.int64]
    spans: tuple[tuple[int, int, str], ...]


def _objects(path: Path) -> Iterator[tuple[str, list[tuple[int, int, str]]]]:
    """Text and (start, end, label) of each line; any labels will do, ours or not."""
    try:
        for item in jsonl.objects(path):
            if isinstance(item, Defect):
                raise LabelledDataError([item])
            number, value = item
            try:
                text = _text(value["text"])
                yield text, [_mark(mark, len(text)) for mark in value["spans"]]
            except (ValueError, KeyError, TypeError, OverflowError) as error:
                what = f"not a labelled document ({type(error).__name__}: {error})"
                mend = 'write {"text": …, "spans": [{"start": …, "end": …, "label": …}]}'
                raise LabelledDataError([Defect(str(path), number, None, what, mend)]) from error
    except OSError as error:
        what = f"cannot be read ({error})"
        raise LabelledDataError([Defect(str(path), 0, None, what, "give the path of a file")]) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no string under 'text'")
    return value


def _mark(mark: Any, length: int) -> tuple[int, int, str]:
    start, end = int(mark["start"]), int(mark["end"])
    if not 0 <= start < end <= length:
        raise ValueError(f"a span [{start}, {end}) in a text of {length} characters")
    return start, end, str(mark["label"])


def read(path: Path, encoder: Encoder, labels: Sequence[str]) -> list[Sentence]:
    """The sentences of a JSONL file; spans of other labels are left out. LabelledDataError on the first defect.

    Of spans that overlap, all count and the first is taught.
    """
    values = list(_objects(path))
    cleaned = [clean(text) for text, _ in values]
    sentences = []
    for (_, marks), clear, tokens in zip(values, cleaned, encoder.encode([one.text for one in cleaned]), strict=True):
        tags, spans = np.zeros(len(tokens), dtype=np.int64), []
        for raw_start, raw_end, label in dict.fromkeys(marks):
            if label not in labels:
                continue
            start, end = clear.clean_range(raw_start, raw_end)
            first = int(np.searchsorted(tokens.ends, start, side="right"))
            last = int(np.searchsorted(tokens.starts, end, side="left"))
            if first >= last or tokens.starts[first] < start or tokens.ends[last - 1] > end:
                spans.append((-1, -1, label))
                continue
            spans.append((first, last, label))
            if tags[first:last].any():
                continue
            begin = 1 + 2 * list(labels).index(label)
            tags[first], tags[first + 1 : last] = begin, begin + 1
        sentences.append(Sentence(tokens.ids, tags, tuple(spans)))
    return sentences


def apart(sentences: Sequence[Sentence], others: Sequence[Sentence], size: int = 15) -> list[Sentence]:
    """The sentences that share no run of ``size`` tokens with any of ``others``, nor are one of them."""
    known = {run for other in others for run in _runs(other, size)}
    return [one for one in sentences if known.isdisjoint(_runs(one, size))]


def _runs(sentence: Sentence, size: int) -> Iterator[bytes]:
    for start in range(max(1, len(sentence.ids) - size + 1)):
        yield sentence.ids[start : start + size].tobytes()


Job = tuple[int, Window]


def batches(jobs: Sequence[Job], tokens: int, random: np.random.Generator | None = None) -> list[list[Job]]:
    """Group windows of like length so that a padded batch has at most ``tokens`` tokens; shuffled where asked."""
    order = np.array([len(window) for _, window in jobs], dtype=np.float64)
    if random is not None:
        # like lengths stay together, but not the same sentences every epoch
        order *= random.uniform(0.9, 1.1, size=len(order))
    result: list[list[Job]] = []
    for index in np.argsort(order, kind="stable"):
        width = len(jobs[index][1]) + 2
        if result and max(width, *(len(window) + 2 for _, window in result[-1])) * (len(result[-1]) + 1) <= tokens:
            result[-1].append(jobs[index])
        else:
            result.append([jobs[index]])
    if random is not None:
        anything: Any = result  # releases of numpy differ in what they say shuffle takes
        random.shuffle(anything)
    return result


class Probe:
    """Fine-tunes one encoder and measures it; ``run`` does so once for each seed."""

    def __init__(self, config: ProbeConfig, say: Callable[[str], None] = print) -> None:
        self.config, self.say = config, say
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.bf16 = config.bf16 and bf16.there()
        torch.set_flush_denormal(True)
        # on a GPU cuDNN's attention builds a plan for each new shape of a batch, which takes longer than a step
        torch.backends.cuda.enable_cudnn_sdp(False)
        check_encoder(config.encoder)
        with loading(config.encoder):
            positions = AutoConfig.from_pretrained(config.encoder).max_position_embeddings
            tokenizer = AutoTokenizer.from_pretrained(config.encoder)
        if config.window + 2 > positions:
            raise ConfigError(
                f"window {config.window} and two special tokens exceed the encoder's {positions} positions"
            )
        self.encoder = Encoder(tokenizer.backend_tokenizer)
        self.train_set = read(Path(config.train), self.encoder, config.labels)
        if config.dev_share:
            held = np.random.default_rng(0).random(len(self.train_set)) < config.dev_share
            self.test_set = [one for one, out in zip(self.train_set, held, strict=True) if out]
            self.train_set = [one for one, out in zip(self.train_set, held, strict=True) if not out]
        else:
            self.test_set = read(Path(config.test), self.encoder, config.labels)
        self.first_set: list[Sentence] = []
        if config.first:
            every = read(Path(config.first), self.encoder, config.labels)
            self.first_set = apart(every, self.test_set)
            left_out = len(every) - len(self.first_set)
            self.say(f"{config.first}: {len(every)} documents, {left_out} left out, for the test set has parts of them")
        for what, some in (("train on", self.train_set), ("measure", self.test_set)):
            if not some:
                held_out = f" (dev_share {config.dev_share:g} of train)" if config.dev_share else ""
                raise ConfigError(f"no documents to {what}{held_out}; give files that hold some under train and test")

    def run(self) -> dict[str, Any]:
        """Train and measure for each seed; ``<output>/probe.json`` holds all seeds that are done."""
        file = Path(self.config.output) / "probe.json"
        Path(self.config.output).mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, Any]] = []
        for seed in self.config.seeds:
            began = time.monotonic()
            scores = self.measure(self.train(seed))
            rows.append({"seed": seed, "minutes": round((time.monotonic() - began) / 60, 1)} | _figures(scores))
            self.say(json.dumps(rows[-1]))
            result = summary(rows) | {"encoder": self.config.encoder, "on": self._measured_on(), "runs": rows}
            write_json(file, result)
        self.say(f"micro-F1 {result['mean']:.2f} ± {result['spread']:.2f} over {len(rows)} seeds, on {result['on']}")
        return result

    def _measured_on(self) -> str:
        config = self.config
        return f"{config.dev_share:.0%} of {Path(config.train).name}" if config.dev_share else Path(config.test).name

    def train(self, seed: int) -> Any:
        """The encoder with a new head, fine-tuned."""
        config = self.config
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        with loading(config.encoder):
            model, report = AutoModelForTokenClassification.from_pretrained(
                config.encoder,
                num_labels=1 + 2 * len(config.labels),
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                hidden_dropout_prob=config.dropout,
                attention_probs_dropout_prob=config.dropout,
                classifier_dropout=config.dropout,
                dtype=torch.float32,
                attn_implementation="sdpa" if self.device.type == "cuda" else "eager",
            )
        _new_head(model, report, config.encoder)
        model.to(self.device)
        if self.first_set:
            self._fit(model, self.first_set, config.first_epochs, random, f"seed {seed}, first")
        average = WeightAverage(model, config.average) if config.average else None
        self._fit(model, self.train_set, config.epochs, random, f"seed {seed}", average)
        if average:
            average.apply()
        return model.eval()

    def _fit(
        self,
        model: Any,
        sentences: Sequence[Sentence],
        times: int,
        random: np.random.Generator,
        title: str,
        average: WeightAverage | None = None,
    ) -> None:
        """Train on the sentences so many times, by a schedule of its own."""
        config = self.config
        groups: list[dict[str, Any]] = []
        for name, value in model.named_parameters():
            rate = config.head_learning_rate if name.startswith("classifier.") else config.learning_rate
            groups.append({"params": [value], "lr": rate, "weight_decay": config.weight_decay * (value.ndim > 1)})
        optimizer = torch.optim.AdamW(groups, fused=True)
        jobs = self._jobs(sentences)
        epochs = [batches(jobs, config.batch_tokens, random) for _ in range(times)]
        steps = sum(map(len, epochs))
        up = max(1, int(config.warmup_share * steps))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min((step + 1) / up, (steps - step) / max(1, steps - up))
        )
        model.train()
        progress = tqdm([batch for epoch in epochs for batch in epoch], desc=title, unit=" steps")
        # the bar counts no faster than it is drawn
        for step, batch in enumerate(progress, 1):
            ids, mask = self._tensors(sentences, batch)
            # sets of possible tags: [CLS] and [SEP] may have any, padding has none
            tags = mask * ((1 << 1 + 2 * len(config.labels)) - 1)
            for row, (number, window) in enumerate(batch):
                part = sentences[number].tags[window.start : window.stop]
                tags[row, 1 : len(part) + 1] = torch.from_numpy(1 << part)
            ids, mask, tags = (values.to(self.device) for values in (ids, mask, tags))
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                logits = model(input_ids=ids, attention_mask=mask).logits
            loss = LOSSES[config.loss](logits, tags)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            if average:
                average.update(step)
            if step % 50 == 0:
                if not math.isfinite(float(loss.detach())):
                    raise UserError(f"the loss is {float(loss.detach())} at step {step}; lower learning_rate")
                progress.set_postfix(loss=f"{float(loss.detach()):.3f}")

    @torch.inference_mode()
    def measure(self, model: Any) -> dict[str, Score]:
        """Score by label, strict: a span is correct when its first and last token and its label are."""
        jobs = self._jobs(self.test_set)
        width = 1 + 2 * len(self.config.labels)
        parts: list[list[tuple[Window, npt.NDArray[np.float32]]]] = [[] for _ in self.test_set]
        for batch in batches(jobs, 4 * self.config.batch_tokens):
            ids, mask = (values.to(self.device) for values in self._tensors(self.test_set, batch))
            logits = model(input_ids=ids, attention_mask=mask).logits.float().cpu().numpy()
            for row, (number, window) in enumerate(batch):
                parts[number].append((window, logits[row, 1 : len(window) + 1]))
        scores = dict.fromkeys(self.config.labels, Score(0, 0, 0))
        for sentence, some in zip(self.test_set, parts, strict=True):
            found = decode(stitch(some, len(sentence.ids), width), self.config.labels)
            spans = {(span.start, span.stop, span.label) for span in found}
            for label in self.config.labels:
                gold = [span for span in sentence.spans if span[2] == label]
                ours = {span for span in spans if span[2] == label}
                scores[label] += Score(len(ours & set(gold)), len(gold), len(ours))
        return scores

    def _jobs(self, sentences: Sequence[Sentence]) -> list[Job]:
        def all_jobs() -> Iterator[Job]:
            for number, sentence in enumerate(sentences):
                for window in windows(len(sentence.ids), self.config.window, self.config.stride):
                    yield number, window

        return list(all_jobs())

    def _tensors(self, sentences: Sequence[Sentence], batch: Sequence[Job]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and attention mask, [rows, tokens], on the CPU."""
        longest = max(len(window) for _, window in batch) + 2
        ids = torch.full((len(batch), longest), self.encoder.pad_id)
        for row, (number, window) in enumerate(batch):
            part = sentences[number].ids[window.start : window.stop]
            ids[row, 0], ids[row, len(part) + 1] = self.encoder.cls_id, self.encoder.sep_id
            ids[row, 1 : len(part) + 1] = torch.from_numpy(part)
        lengths = torch.tensor([len(window) + 2 for _, window in batch])
        mask = (torch.arange(longest) < lengths[:, None]).long()
        return ids, mask


def _new_head(model: Any, report: dict[str, Any], encoder: str) -> None:
    """Put a new head in the place of one of other labels; ConfigError where anything else did not fit the model."""
    sizes = {key[0] if isinstance(key, tuple) else key for key in report["mismatched_keys"]}
    others = sorted(key for key in sizes if not key.startswith("classifier."))
    if others:
        raise ConfigError(f"encoder {encoder}: {others[0]} is not of the size that its config.json says; copy it anew")
    # of another number of labels it is new already
    if not sizes and "classifier.weight" not in report["missing_keys"]:
        torch.nn.init.normal_(model.classifier.weight, std=model.config.initializer_range)
        torch.nn.init.zeros_(model.classifier.bias)


def _figures(scores: dict[str, Score]) -> dict[str, float]:
    """F1 by label, and precision, recall and F1 over all, in percent."""
    micro = sum(scores.values(), Score(0, 0, 0))
    values = {label: score.f1 for label, score in scores.items()}
    values |= {"precision": micro.precision, "recall": micro.recall, "micro": micro.f1}
    return {name: round(100 * value, 2) for name, value in values.items()}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean and spread (sample standard deviation) of the seeds' micro-F1."""
    values = [row["micro"] for row in rows]
    return {"mean": round(mean(values), 2), "spread": round(stdev(values), 2) if len(values) > 1 else 0.0}
